"""What a preflight found: a table on a terminal, plain lines in a log, JSON for programs."""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from seizure.cli.run_folder import write_text
from seizure.preflight.check import Check, worst
from seizure.schema import ConfigError

log = logging.getLogger("seizure")

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def say(checks: Sequence[Check], seconds: float) -> None:
    """Every check with its fix, then how many there were of each status."""
    if sys.stdout.isatty():
        Console().print(table(checks))
    else:
        for check in checks:
            log.info("%-4s  %s: %s", check.status, check.name, check.found)
            if check.fix:
                log.info("      fix: %s", check.fix)
    log.info("%s", summary(checks, seconds))


def table(checks: Sequence[Check]) -> Table:
    """The checks as a table; what is not ok carries its fix."""
    shown = Table(show_lines=True)
    shown.add_column("check", no_wrap=False)
    shown.add_column("")
    shown.add_column("found, and what to do", ratio=1)
    for check in checks:
        colour = _COLOURS[check.status]
        row = _plain(check.found) + (f"\n[{colour}]→[/] {_plain(check.fix)}" if check.fix else "")
        shown.add_row(_plain(check.name), f"[{colour}]{check.status}[/]", row)
    return shown


def summary(checks: Sequence[Check], seconds: float) -> str:
    """The last line.

    >>> summary([Check("one", "ok", "fine"), Check("two", "warn", "slow", "another disk")], 20.4)
    'doctor: 1 ok, 1 to look at, 0 that would fail, in 20 s'
    """
    count = {status: sum(c.status == status for c in checks) for status in ("ok", "warn", "fail")}
    return (
        f"doctor: {count['ok']} ok, {count['warn']} to look at, {count['fail']} that would fail, "
        f"in {seconds:.0f} s"
    )


def write_json(path: Path, checks: Sequence[Check], more: dict[str, Any]) -> None:
    """Status, checks and measured values. Raises `ConfigError` where it cannot be written."""
    content = {"status": worst(checks), "checks": [asdict(check) for check in checks], **more}
    try:
        write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ConfigError(
            f"output: {path} cannot be written ({error.strerror}); give another output=FILE"
        ) from error


def _plain(text: str) -> str:
    """Text in which rich sees no markup."""
    return text.replace("[", r"\[")
