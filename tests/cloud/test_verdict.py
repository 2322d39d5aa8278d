"""What the end of a command means: what is tried again, and what is not."""

from pathlib import Path

import pytest

from seizure.cloud.job import Job
from seizure.cloud.verdict import judge, last_error


def marked(tmp_path: Path) -> Job:
    """A job that leaves a marker."""
    return Job("test", (), tmp_path / "test.json", 60.0, 60.0, finished=tmp_path / "finished")


def unmarked(tmp_path: Path, **codes: tuple[int, ...]) -> Job:
    """A job that is judged by its exit code."""
    return Job("test", (), tmp_path / "test.json", 60.0, 60.0, **codes)


TRACEBACK = ["12:00:00 starting", "Traceback (most recent call last):", '  File "x.py", line 1']


@pytest.mark.parametrize(
    ("code", "stderr", "goes_on", "said"),
    [
        (2, ["error: unknown key 'modle'"], False, "unknown key 'modle'"),
        (2, [], False, "see the log"),
        (1, [*TRACEBACK, "torch.OutOfMemoryError: CUDA out of memory"], False, "OutOfMemoryError"),
        (1, [*TRACEBACK, "ModuleNotFoundError: No module named 'x'"], False, "No module"),
        (1, [*TRACEBACK, "FloatingPointError: loss is nan"], False, "loss is nan"),
        (1, [*TRACEBACK, "torch.AcceleratorError: CUDA error: unspecified"], True, "CUDA error"),
        (1, [*TRACEBACK, "OSError: [Errno 5] Input/output error"], True, "Input/output"),
        (-9, [], True, "SIGKILL"),
        (-7, [], True, "SIGBUS"),
        # A warning from long before the machine went away.
        (-9, [*TRACEBACK, "AttributeError: ignored in a destructor"], True, "SIGKILL"),
        (130, ["stopped: last.ckpt holds what was learnt"], True, "exit code 130"),
        (0, [], True, "exit code 0"),
    ],
)
def test_what_would_happen_again_is_not_tried_again(
    tmp_path: Path, code: int, stderr: list[str], goes_on: bool, said: str
) -> None:
    verdict = judge(marked(tmp_path), code, stderr)
    assert not verdict.done
    assert verdict.goes_on is goes_on
    assert said in verdict.reason


def test_only_the_marker_says_that_a_run_is_finished(tmp_path: Path) -> None:
    assert not judge(marked(tmp_path), 0, []).done
    (tmp_path / "finished").touch()
    assert judge(marked(tmp_path), 0, []).done


def test_a_job_without_marker_is_done_by_its_exit_code(tmp_path: Path) -> None:
    prepare = unmarked(tmp_path, done_codes=(0, 1))
    assert judge(prepare, 1, ["3 recordings left out"]).done
    assert not judge(prepare, 1, [*TRACEBACK, "ValueError: odd"]).done
    assert judge(prepare, 0, [*TRACEBACK, "AttributeError: ignored in a destructor"]).done
    assert not judge(prepare, 2, ["error: no corpus"]).goes_on


def test_a_job_may_say_no_for_good(tmp_path: Path) -> None:
    doctor = unmarked(tmp_path, final_codes=(1,))
    verdict = judge(doctor, 1, ["fail  cores"])
    assert (verdict.done, verdict.goes_on) == (False, False)
    assert judge(doctor, 0, []).done
    assert judge(doctor, 1, [*TRACEBACK, "OSError: [Errno 5] Input/output error"]).goes_on


def test_the_last_of_several_errors_counts() -> None:
    chained = [*TRACEBACK, "KeyError: 'a'", "", "During handling of the above", *TRACEBACK]
    assert last_error([*chained, "lightning.x.OddError: why", "  more"]) == ("OddError", "why")
    assert last_error(["ValueError: said in a log line"]) is None
