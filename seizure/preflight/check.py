"""One judged fact: what it is about, whether it may stay so, what was found, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """`found` in words with its numbers; `fix` what to type or change, for all that is not ok."""

    name: str
    status: Status
    found: str
    fix: str = ""

    def __post_init__(self) -> None:
        if (self.status == "ok") == bool(self.fix):
            raise ValueError(f"{self.name}: a fix belongs to what is not ok, and to that always")


def worst(checks: Iterable[Check]) -> Status:
    """The worst status of all.

    >>> worst([Check("one", "ok", "fine"), Check("two", "warn", "slow", "another disk")])
    'warn'
    """
    found = {check.status for check in checks}
    if "fail" in found:
        return "fail"
    return "warn" if "warn" in found else "ok"


def listed(names: Iterable[str], at_most: int = 3) -> str:
    """The first names of many, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    every = list(names)
    more = f" and {len(every) - at_most} more" if len(every) > at_most else ""
    return ", ".join(every[:at_most]) + more
