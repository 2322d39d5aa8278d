"""What the end of a job's command means: done, worth another attempt, or bound to come again."""

import re
import signal
from collections.abc import Sequence
from pathlib import Path

from seizure.cloud.job import Job, Verdict

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
_ERROR_LINE = re.compile(r"^(?:\w+\.)*(\w+)(?:: (.*))?$")


def judge(job: Job, code: int, stderr: Sequence[str]) -> Verdict:
    """What the end of a command means.

    Bad input and errors in code come again; signals, vanished devices and lost connections may not.
    """
    error = last_error(stderr)
    if job.finished is None:
        # Zero is zero, whatever an object said on being torn down; one may be Python's own.
        if code in job.done_codes and (code == 0 or error is None):
            return Verdict(True, False, f"done, exit code {code}")
        if code in job.final_codes and error is None:
            return Verdict(False, False, f"ended with exit code {code}, see what it said above")
    elif Path(job.finished).is_file():
        return Verdict(True, False, "finished")
    if code == BAD_INPUT:
        said = stderr[-1].strip() if stderr else "see the log"
        return Verdict(False, False, f"refused, and would be again: {said}")
    if code < 0:
        return Verdict(False, True, f"ended by {signal.Signals(-code).name}")
    if error is not None and error[0] in DETERMINISTIC:
        return Verdict(False, False, f"failed, and would again: {': '.join(filter(None, error))}")
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
