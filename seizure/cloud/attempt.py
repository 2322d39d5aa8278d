"""One attempt of a long job on a machine that may vanish: start, save, hand over, judge the end."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

# Errors that come again however often one tries; CUDA's out of memory is among them.
DETERMINISTIC = frozenset(
    {
        "ArithmeticError", "AssertionError", "AttributeError", "FileNotFoundError",
        "FloatingPointError", "ImportError", "IndexError", "KeyError", "MisconfigurationException",
        "ModuleNotFoundError", "NameError", "NotImplementedError", "OutOfMemoryError",
        "PermissionError", "RecursionError", "SyntaxError", "TypeError", "ValueError",
        "ZeroDivisionError",
    }
)  # fmt: skip
# The package's verbs end with this on input that no repetition makes better.
BAD_INPUT = 2
# So many attempts in a row without a new checkpoint are a fault, whatever it is.
FRUITLESS = 3
_ERROR_LINE = re.compile(r"^(?:\w+\.)*(\w+)(?:: (.*))?$")
_TAIL_LINES = 200
_TAIL_BYTES = 2**20


class Volume(Protocol):
    """Storage that outlives the machine: seen after `reload`, kept after `commit`."""

    def reload(self) -> None: ...

    def commit(self) -> None: ...


class Unfinished(RuntimeError):
    """The attempt ended before the job did, and another may go on."""


@dataclass(frozen=True)
class Job:
    """A command that continues itself when started again, and the limits of its attempts.

    Paths are those of the machine it runs on. `finished` is the marker it writes at its end,
    `checkpoint` the file that shows progress, kept as soon as it is seen; a job without a marker
    has finished when it ends with one of `done_codes`, and said no with one of `final_codes`.
    """

    name: str
    command: tuple[str, ...]
    ledger: PurePath
    limit_s: float
    budget_s: float
    finished: PurePath | None = None
    checkpoint: PurePath | None = None
    done_codes: tuple[int, ...] = (0,)
    final_codes: tuple[int, ...] = ()
    hand_over_s: float = 1200.0
    grace_s: float = 20.0
    commit_every_s: float = 300.0
    look_every_s: float = 10.0


@dataclass(frozen=True)
class Attempt:
    """A line of a job's ledger; times in seconds since 1970, `end` is None while it lasts."""

    started_at: float
    seen_at: float
    checkpoint: str | None
    end: str | None = None


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended: whether the job is done, else whether another attempt may help.

    `spent_s` is what all attempts so far took.
    """

    done: bool
    goes_on: bool
    reason: str
    spent_s: float = 0.0


def judge(job: Job, code: int, stderr: Sequence[str]) -> Verdict:
    """What the end of a command means.

    Bad input and errors in code come again; signals, vanished devices and lost connections may not.
    """
    error = last_error(stderr)
    if job.finished is None:
        if code in job.done_codes and error is None:
            return Verdict(True, False, f"done, exit code {code}")
        if code in job.final_codes and error is None:
            return Verdict(False, False, f"ended with exit code {code}, see what it said above")
    elif Path(job.finished).is_file():
        return Verdict(True, False, "finished")
    if code == BAD_INPUT:
        said = stderr[-1].strip() if stderr else "see the log"
        return Verdict(False, False, f"refused, and would be again: {said}")
    if error is not None and error[0] in DETERMINISTIC:
        return Verdict(False, False, f"failed, and would again: {': '.join(filter(None, error))}")
    if code < 0:
        return Verdict(False, True, f"ended by {signal.Signals(-code).name}")
    if error is not None:
        return Verdict(False, True, f"failed: {': '.join(filter(None, error))}")
    return Verdict(False, True, f"stopped with exit code {code} before its end")


def last_error(stderr: Sequence[str]) -> tuple[str, str] | None:
    """Type and message of the last traceback in what a command said; None without one.

    >>> last_error(["Traceback (most recent call last):", "  ...", "torch.OutOfMemoryError: full"])
    ('OutOfMemoryError', 'full')
    """
    start = max((n for n, line in enumerate(stderr) if line.startswith("Traceback (")), default=-1)
    if start < 0:
        return None
    for line in stderr[start + 1 :]:
        found = _ERROR_LINE.match(line.rstrip())
        if found:
            return found[1], found[2] or ""
    return None


def refusal(job: Job, earlier: Sequence[Attempt], checkpoint: str | None) -> str | None:
    """Why no further attempt may begin; None if one may."""
    spent_s = seconds(earlier)
    if spent_s >= job.budget_s:
        return (
            f"{len(earlier)} attempts took {spent_s / 3600:.1f} of the {job.budget_s / 3600:.1f} h "
            f"that were granted; start the same command again to go on"
        )
    recent = earlier[-FRUITLESS:]
    # An attempt that was asked to stop has done its part, as has one that a preemption ended.
    if len(recent) == FRUITLESS and all(
        a.checkpoint == checkpoint and not (a.end or "").startswith("asked") for a in recent
    ):
        said = "; ".join(a.end or "vanished without a word (out of memory?)" for a in recent)
        return f"{FRUITLESS} attempts in a row brought no new checkpoint: {said}"
    return None


def fingerprint(path: PurePath | None) -> str | None:
    """What tells one checkpoint from the next; None where there is none.

    A checkpoint is a zip file: its end holds the checksum of every tensor.
    """
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        file.seek(max(0, Path(path).stat().st_size - _TAIL_BYTES))
        return hashlib.sha256(file.read()).hexdigest()[:16]


def read_ledger(path: Path) -> list[Attempt]:
    """The attempts of a job so far."""
    if not path.is_file():
        return []
    return [Attempt(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def write_ledger(path: Path, attempts: Sequence[Attempt]) -> None:
    """Keep the attempts of a job, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_text(json.dumps([asdict(a) for a in attempts], indent=1), encoding="utf-8")
    temporary.replace(path)


def sit(job: Job, volume: Volume) -> Verdict:
    """Run a job's command for one attempt, keeping what it writes; returns how it ended.

    The command is asked to stop `hand_over_s` before the limit. When this process is interrupted
    the command gets `grace_s` to write a checkpoint, all is committed, and the interruption is
    raised again.
    """
    volume.reload()
    if job.finished is not None and Path(job.finished).is_file():
        return Verdict(True, False, "finished before")
    ledger = Path(job.ledger)
    earlier, before = read_ledger(ledger), fingerprint(job.checkpoint)
    reason = refusal(job, earlier, before)
    if reason is not None:
        return Verdict(False, False, reason)
    now = time.time()
    limit_at = now + min(job.limit_s, job.budget_s - seconds(earlier))
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
            if left_s <= job.hand_over_s and not asked:
                say("the time of this attempt is nearly over: handing over")
                command.ask()
                asked = True
            if left_s <= job.hand_over_s / 10:
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
    say(f"attempt {len(earlier) + 1} of {job.name}: {verdict.reason}")
    return replace(verdict, spent_s=seconds([*earlier, this]))


def seconds(attempts: Sequence[Attempt]) -> float:
    """What attempts took in all, a vanished one up to its last sign of life."""
    return sum(a.seen_at - a.started_at for a in attempts)


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
