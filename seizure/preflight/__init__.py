"""What is verified before money is spent: facts are gathered, then judged; a file for each kind."""
