"""Progress of work over many files: a bar on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

log = logging.getLogger("seizure")

_LINE_EVERY_S = 15.0


class Report(Protocol):
    """Called with what is done and what there is in all."""

    def __call__(self, done: int, total: int, *what: str) -> None: ...


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """A callable to report progress to, shown under `label` while the block runs."""
    if sys.stdout.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task(label, total=None)

            def on_terminal(done: int, total: int, *what: str) -> None:
                bar.update(task, completed=done, total=total)

            yield on_terminal
        return

    spoken_at = time.monotonic()

    def in_log(done: int, total: int, *what: str) -> None:
        nonlocal spoken_at
        if time.monotonic() - spoken_at >= _LINE_EVERY_S:
            spoken_at = time.monotonic()
            log.info("%s: %d of %d", label, done, total)

    yield in_log
