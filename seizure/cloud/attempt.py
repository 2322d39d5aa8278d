"""One attempt of a long job on a machine that may vanish: start, save, hand over, judge the end."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Protocol

from seizure.cloud.job import (
    Attempt,
    Job,
    Verdict,
    fingerprint,
    read_ledger,
    refusal,
    seconds,
    write_ledger,
)
from seizure.cloud.verdict import judge

_TAIL_LINES = 200


class Volume(Protocol):
    """Storage that outlives the machine: seen after `reload`, kept after `commit`."""

    def reload(self) -> None: ...

    def commit(self) -> None: ...


def sit(job: Job, volume: Volume) -> Verdict:
    """Run a job's command for one attempt, keeping what it writes; returns how it ended.

    The command is asked to stop `hand_over_s` before the limit, of a short attempt at three
    quarters of it. When this process is interrupted the command gets `grace_s` to write a
    checkpoint, all is committed, and the interruption is raised again.
    """
    volume.reload()
    if job.finished is not None and Path(job.finished).is_file():
        return Verdict(True, False, "finished before")
    ledger = Path(job.ledger)
    earlier, before = read_ledger(ledger), fingerprint(job.checkpoint)
    reason = refusal(job, earlier, before)
    if reason is not None:
        return Verdict(False, False, reason, seconds(earlier))
    now = time.time()
    granted_s = min(job.limit_s, job.budget_s - seconds(earlier))
    limit_at, hand_over_s = now + granted_s, min(job.hand_over_s, granted_s / 4)
    this = Attempt(started_at=now, seen_at=now, checkpoint=before)
    write_ledger(ledger, [*earlier, this])
    volume.commit()
    say(f"attempt {len(earlier) + 1} of {job.name}: {' '.join(job.command)}")
    end: str | None = None
    command = _Command(job.command)
    try:
        asked = ended = False
        seen, committed_at = _changed_at(job.checkpoint), now
        while not ended:
            left_s = limit_at - time.time()
            if left_s <= hand_over_s and not asked:
                say("the time of this attempt is nearly over: handing over")
                command.ask()
                asked = True
            if left_s <= hand_over_s / 10:
                break
            pause_s = min(job.look_every_s, job.commit_every_s, left_s / 4)
            ended = command.wait(max(0.05, pause_s))
            changed = _changed_at(job.checkpoint)
            is_due = time.time() - committed_at >= job.commit_every_s
            if not ended and (is_due or changed != seen):
                this = replace(this, seen_at=time.time())
                write_ledger(ledger, [*earlier, this])
                _commit_if_possible(volume)
                seen, committed_at = changed, time.time()
        verdict = judge(job, command.end(), list(command.tail))
        if asked and verdict.goes_on:
            verdict = replace(verdict, reason="asked to hand over at the end of its time")
        end = verdict.reason
    except BaseException as interruption:
        # Preemption comes as KeyboardInterrupt, cancelling as an exception of the cloud's own.
        end = f"asked to stop by {type(interruption).__name__}"
        command.ask()
        command.wait(job.grace_s)
        raise
    finally:
        command.end()
        this = replace(this, seen_at=time.time(), end=end)
        write_ledger(ledger, [*earlier, this])
        volume.commit()
    spent_s = seconds([*earlier, this])
    # Also here, where the log of a run that was left alone ends.
    say(f"attempt {len(earlier) + 1} of {job.name}: {verdict.reason}; {job.spent(spent_s)}")
    return replace(verdict, spent_s=spent_s)


def say(line: str) -> None:
    """A line into the log, at once."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


class _Command:
    """A command in a process group of its own; passes on its stderr and keeps the end of it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        # From the folder that holds the package, so that `-m seizure.…` is this code.
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._relay = threading.Thread(target=self._pass_on, daemon=True)
        self._relay.start()

    def wait(self, seconds: float) -> bool:
        """Whether the command ended within so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None

    def ask(self) -> None:
        """Ask the command to stop: only itself, its loader workers would die while it saves."""
        if self.process.poll() is None:
            self.process.terminate()

    def end(self) -> int:
        """End the command with everything it has started; returns its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        self._relay.join(timeout=5.0)
        return code

    def _pass_on(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.tail.append(line.rstrip("\n"))
            sys.stderr.write(line)
            sys.stderr.flush()


def _changed_at(path: PurePath | None) -> int | None:
    """When a file was last replaced, in ns; None where there is none."""
    here = None if path is None else Path(path)
    return here.stat().st_mtime_ns if here is not None and here.is_file() else None


def _commit_if_possible(volume: Volume) -> None:
    """Commit while files are open, which the Volume may refuse until the next time."""
    try:
        volume.commit()
    except RuntimeError as error:
        say(f"commit put off: {error}")
