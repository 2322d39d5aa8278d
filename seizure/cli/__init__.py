"""How a verb starts: its configuration composed, its sweep, what it says, the folder it leaves."""
