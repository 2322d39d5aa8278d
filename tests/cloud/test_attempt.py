"""A job's attempts: what is kept, what is tried again, and what is not."""

import os
import signal
import sys
import textwrap
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from seizure.cloud.attempt import (
    Attempt,
    Job,
    fingerprint,
    judge,
    last_error,
    read_ledger,
    refusal,
    sit,
    write_ledger,
)


@dataclass
class FakeVolume:
    """Counts what is asked of it; refuses commits while `is_busy`."""

    said: list[str] = field(default_factory=list)
    is_busy: bool = False

    def reload(self) -> None:
        self.said.append("reload")

    def commit(self) -> None:
        self.said.append("commit")
        if self.is_busy:
            self.is_busy = False
            raise RuntimeError("there are open files preventing the operation")


def job(tmp_path: Path, script: str = "", **settings: object) -> Job:
    """A job of a few lines of Python, committed often."""
    made = Job(
        name="test",
        command=("-c", textwrap.dedent(script)),
        ledger=tmp_path / "jobs" / "test.json",
        limit_s=3600.0,
        budget_s=7200.0,
        finished=tmp_path / "finished",
        checkpoint=tmp_path / "last.ckpt",
        commit_every_s=0.1,
        hand_over_s=10.0,
    )
    return replace(made, **settings)  # pyright: ignore[reportArgumentType]


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
        (130, ["stopped: last.ckpt holds what was learnt"], True, "exit code 130"),
        (0, [], True, "exit code 0"),
    ],
)
def test_what_would_happen_again_is_not_tried_again(
    tmp_path: Path, code: int, stderr: list[str], goes_on: bool, said: str
) -> None:
    verdict = judge(job(tmp_path), code, stderr)
    assert not verdict.done
    assert verdict.goes_on is goes_on
    assert said in verdict.reason


def test_only_the_marker_says_that_a_run_is_finished(tmp_path: Path) -> None:
    assert not judge(job(tmp_path), 0, []).done
    (tmp_path / "finished").touch()
    assert judge(job(tmp_path), 0, []).done


def test_a_job_without_marker_is_done_by_its_exit_code(tmp_path: Path) -> None:
    unmarked = job(tmp_path, finished=None, done_codes=(0, 1))
    assert judge(unmarked, 1, ["3 recordings left out"]).done
    assert not judge(unmarked, 1, [*TRACEBACK, "ValueError: odd"]).done
    assert not judge(unmarked, 2, ["error: no corpus"]).goes_on


def test_a_job_may_say_no_for_good(tmp_path: Path) -> None:
    doctor = job(tmp_path, finished=None, final_codes=(1,))
    verdict = judge(doctor, 1, ["fail  cores"])
    assert (verdict.done, verdict.goes_on) == (False, False)
    assert judge(doctor, 0, []).done
    assert judge(doctor, 1, [*TRACEBACK, "OSError: [Errno 5] Input/output error"]).goes_on


def test_the_last_of_several_errors_counts() -> None:
    chained = [*TRACEBACK, "KeyError: 'a'", "", "During handling of the above", *TRACEBACK]
    assert last_error([*chained, "lightning.x.OddError: why", "  more"]) == ("OddError", "why")
    assert last_error(["ValueError: said in a log line"]) is None


def test_a_finished_job_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "finished").touch()
    volume = FakeVolume()
    assert sit(job(tmp_path, "raise SystemExit(3)"), volume).done
    assert volume.said == ["reload"]


def test_the_volume_is_reloaded_first_committed_meanwhile_and_last(tmp_path: Path) -> None:
    volume = FakeVolume()
    marker = str(tmp_path / "finished")
    script = f"import time, pathlib; time.sleep(0.5); pathlib.Path({marker!r}).touch()"
    assert sit(job(tmp_path, script), volume).done
    assert volume.said[0] == "reload"
    assert volume.said.count("reload") == 1
    assert volume.said.count("commit") >= 4
    (attempt,) = read_ledger(tmp_path / "jobs" / "test.json")
    assert attempt.end == "finished"
    assert attempt.seen_at - attempt.started_at >= 0.5


def test_a_checkpoint_is_kept_as_soon_as_it_is_seen(tmp_path: Path) -> None:
    volume = FakeVolume()
    script = f"""
        import pathlib, time
        for number in range(3):
            time.sleep(0.4)
            pathlib.Path({str(tmp_path / "last.ckpt")!r}).write_text(str(number))
        time.sleep(0.4)
    """
    sit(job(tmp_path, script, commit_every_s=3600.0, look_every_s=0.1), volume)
    # At the start, at the end, and between: an hour is not over.
    assert volume.said.count("commit") > 2


def test_a_commit_that_open_files_prevent_is_put_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    volume = FakeVolume()
    starting = volume.commit

    def busy_once_started() -> None:
        starting()
        volume.is_busy = len(volume.said) == 2

    volume.commit = busy_once_started  # type: ignore[method-assign]
    verdict = sit(job(tmp_path, "import time; time.sleep(0.4)"), volume)
    assert verdict.goes_on
    assert "commit put off" in capsys.readouterr().out


def test_what_the_command_says_is_passed_on_and_judged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "import sys; print('out'); print('error: no corpus', file=sys.stderr); sys.exit(2)"
    verdict = sit(job(tmp_path, script), FakeVolume())
    assert not verdict.goes_on
    assert "no corpus" in verdict.reason
    captured = capfd.readouterr()
    assert "out" in captured.out
    assert "no corpus" in captured.err


SAVES_WHEN_ASKED = """
    import pathlib, signal, sys, time
    folder = pathlib.Path({folder!r})
    def save(*_):
        (folder / "last.ckpt").write_text(str(time.time()))
        sys.exit(130)
    signal.signal(signal.SIGTERM, save)
    (folder / "ready").touch()
    time.sleep(60)
"""


def test_an_attempt_hands_over_before_its_limit(tmp_path: Path) -> None:
    script = SAVES_WHEN_ASKED.format(folder=str(tmp_path))
    started = time.monotonic()
    verdict = sit(job(tmp_path, script, limit_s=3.0, hand_over_s=2.0), FakeVolume())
    assert verdict.goes_on
    assert "hand over" in verdict.reason
    assert (tmp_path / "last.ckpt").is_file()
    assert time.monotonic() - started < 3.0


def test_a_command_that_does_not_stop_is_ended_before_the_limit(tmp_path: Path) -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    started = time.monotonic()
    verdict = sit(job(tmp_path, script, limit_s=1.5, hand_over_s=1.0), FakeVolume())
    assert verdict.goes_on
    assert time.monotonic() - started < 1.5


def test_a_preempted_attempt_saves_commits_and_passes_the_interruption_on(tmp_path: Path) -> None:
    script = SAVES_WHEN_ASKED.format(folder=str(tmp_path))
    volume = FakeVolume()

    def preempt() -> None:
        deadline = time.monotonic() + 20
        while not (tmp_path / "ready").is_file() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=preempt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        sit(job(tmp_path, script), volume)
    assert (tmp_path / "last.ckpt").is_file()
    assert volume.said[-1] == "commit"
    (attempt,) = read_ledger(tmp_path / "jobs" / "test.json")
    assert (attempt.end or "").startswith("asked to stop")


def test_nothing_that_was_started_is_left_running(tmp_path: Path) -> None:
    child = "import pathlib, subprocess, sys\n" + textwrap.dedent(
        f"""
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(tmp_path)!r}, "pid").write_text(str(worker.pid))
        """
    )
    sit(job(tmp_path, child), FakeVolume())
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    deadline = time.monotonic() + 5
    while stat.is_file() and stat.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not stat.is_file() or stat.read_text().split()[2] == "Z"


def attempts(*checkpoints: str | None, end: str | None = None) -> list[Attempt]:
    return [Attempt(n * 100.0, n * 100.0 + 50, c, end) for n, c in enumerate(checkpoints)]


def test_three_attempts_without_a_new_checkpoint_are_the_last(tmp_path: Path) -> None:
    this = job(tmp_path)
    assert refusal(this, attempts(None, None), None) is None
    assert refusal(this, attempts(None, None, None), "new") is None
    assert refusal(this, attempts("old", "a", "a"), "a") is None
    said = refusal(this, attempts("a", "a", "a"), "a")
    assert said is not None
    assert "out of memory?" in said


def test_attempts_that_were_asked_to_stop_are_not_held_against_a_job(tmp_path: Path) -> None:
    asked = attempts(None, None, None, end="asked to stop by KeyboardInterrupt")
    assert refusal(job(tmp_path), asked, None) is None


def test_no_attempt_starts_beyond_the_granted_hours(tmp_path: Path) -> None:
    this = job(tmp_path, "raise SystemExit(3)", budget_s=140.0)
    assert refusal(this, attempts("a", "b"), "c") is None
    write_ledger(tmp_path / "jobs" / "test.json", attempts("a", "b", "c"))
    verdict = sit(this, FakeVolume())
    assert not verdict.goes_on
    assert "granted" in verdict.reason
    assert len(read_ledger(tmp_path / "jobs" / "test.json")) == 3


def test_checkpoints_are_told_apart_by_their_content(tmp_path: Path) -> None:
    one = tmp_path / "last.ckpt"
    assert fingerprint(one) is None
    one.write_bytes(b"a" * 3_000_000)
    first = fingerprint(one)
    os.utime(one, (0, 0))
    assert fingerprint(one) == first
    one.write_bytes(b"a" * 2_999_999 + b"b")
    assert fingerprint(one) != first
