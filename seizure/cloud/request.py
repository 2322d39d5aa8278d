"""A launch on rented machines as it is asked for on the command line."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seizure.hardware import LONGEST_ATTEMPT_H

# Those that start a verb of the package; a sweep is many trainings.
ACTIONS = ("prepare", "doctor", "train", "sweep", "evaluate", "predict")
_FAN_OUT = {
    "prepare": "machines that share the recordings; by default 4, and 1 for the synthetic corpus",
    "sweep": "jobs at a time; by default 4",
}


@dataclass(frozen=True)
class Request:
    """What is to be done, on which machine, and what the verb is told.

    `containers` at a time at most, and an attempt no longer than `hours`; None leaves it open.
    """

    action: str
    hw: str
    run: str | None
    overrides: tuple[str, ...]
    bucket: str | None
    secrets: tuple[str, ...]
    prices: Path | None
    force: bool
    containers: int | None = None
    hours: float | None = None

    @property
    def verb(self) -> str:
        """The verb that runs there."""
        return "train" if self.action == "sweep" else self.action

    def given(self, key: str) -> str | None:
        """What an override sets a key to; None where none does."""
        values = dict(o.lstrip("+").split("=", 1) for o in self.overrides if "=" in o)
        return values.get(key)


def read_request(action: str, arguments: Sequence[str]) -> Request:
    """The options of a launch; what is none is kept for the verb as it is.

    Ends the process with 2 and a line that says why if the options cannot be read.

    >>> read_request("train", ["--hw", "a100", "--run", "first", "corpus=tusz"]).overrides
    ('corpus=tusz',)
    """
    parser = argparse.ArgumentParser(f"modal run modal_launch.py::{action}", allow_abbrev=False)
    parser.add_argument("--hw", required=True, help="a profile of conf/hw")
    parser.add_argument("--run", required=action != "prepare", help="the name in the storage")
    parser.add_argument("--bucket", help="an S3 bucket, read-only at /data; its Secret is 'aws'")
    parser.add_argument("--secret", action="append", default=[], help="a Modal Secret; repeatable")
    parser.add_argument("--prices", type=Path, help="a list of prices like conf/prices.yaml")
    parser.add_argument("--force", action="store_true", help="start in spite of the checks")
    if action in _FAN_OUT:
        parser.add_argument("--containers", type=int, help=_FAN_OUT[action])
    if action not in ("train", "sweep"):  # whose attempts the run itself knows: hw.timeout_h
        parser.add_argument("--hours", type=float, help="an attempt at most, instead of the usual")
    parser.add_argument("overrides", nargs="*", help="after --: key=value, as the verb takes them")
    read = parser.parse_intermixed_args(list(arguments))
    containers = getattr(read, "containers", None)
    if containers is not None and containers < 1:
        parser.error(f"--containers {containers}: at least one is needed")
    hours = getattr(read, "hours", None)
    if hours is not None and not 0 < hours <= LONGEST_ATTEMPT_H:
        parser.error(f"--hours {hours:g}: more than 0, and {LONGEST_ATTEMPT_H:g} at most")
    if read.run is not None and not re.fullmatch(r"\w[\w.-]*", read.run):
        parser.error(f"--run {read.run}: letters, digits, dots, dashes and underscores only")
    for override in read.overrides:
        key, is_assigned, _ = override.lstrip("+~").partition("=")
        if key in ("hw", "run"):
            parser.error(f"{override}: give --{key} instead, the launcher has to know it")
        if not is_assigned and not override.startswith("~"):
            parser.error(f"{override!r} is neither an option of the launcher nor key=value")
    return Request(
        action,
        read.hw,
        read.run,
        tuple(read.overrides),
        read.bucket,
        tuple(read.secret),
        read.prices,
        read.force,
        containers,
        hours,
    )
