"""An attempt of a job: what is kept meanwhile, and how it ends. Nothing here looks at a clock."""

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from seizure.cloud import attempt
from seizure.cloud.attempt import sit
from seizure.cloud.job import Attempt, Job, read_ledger, write_ledger


@dataclass
class FakeVolume:
    """Keeps what is asked of it, and tells `on_commit` how many commits there were."""

    on_commit: Callable[[int], None] = lambda n_commits: None
    said: list[str] = field(default_factory=list)

    def reload(self) -> None:
        self.said.append("reload")

    def commit(self) -> None:
        self.said.append("commit")
        self.on_commit(self.said.count("commit"))


# What the scripts below have in common; far longer than anything here takes.
BEGINNING = """
import pathlib, signal, subprocess, sys, time
folder = pathlib.Path({folder!r})
def wait_for(name):
    for _ in range(6000):
        if (folder / name).exists():
            return
        time.sleep(0.05)
    sys.exit("waited in vain for " + name)
"""


def job(tmp_path: Path, script: str = "", **settings: object) -> Job:
    """A job of a few lines of Python, looked at and committed often."""
    beginning = BEGINNING.format(folder=str(tmp_path))
    made = Job(
        name="test",
        command=("-c", beginning + textwrap.dedent(script)),
        ledger=tmp_path / "jobs" / "test.json",
        limit_s=3600.0,
        budget_s=7200.0,
        finished=tmp_path / "finished",
        checkpoint=tmp_path / "last.ckpt",
        commit_every_s=0.05,
        grace_s=300.0,
    )
    return replace(made, **settings)  # pyright: ignore[reportArgumentType]


def test_a_finished_job_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "finished").touch()
    volume = FakeVolume()
    assert sit(job(tmp_path, "raise SystemExit(3)"), volume).done
    assert volume.said == ["reload"]


def test_the_volume_is_reloaded_first_committed_meanwhile_and_last(tmp_path: Path) -> None:
    def fourth_lets_it_end(n_commits: int) -> None:
        if n_commits == 4:
            (tmp_path / "go").touch()

    volume = FakeVolume(fourth_lets_it_end)
    assert sit(job(tmp_path, "wait_for('go'); (folder / 'finished').touch()"), volume).done
    assert volume.said[0] == "reload"
    assert volume.said.count("reload") == 1
    assert volume.said[-1] == "commit"
    (line,) = read_ledger(tmp_path / "jobs" / "test.json")
    assert line.end == "finished"
    assert line.seen_at > line.started_at


def test_a_checkpoint_is_kept_as_soon_as_it_is_seen(tmp_path: Path) -> None:
    def kept(_: int) -> None:
        if (tmp_path / "last.ckpt").is_file():
            (tmp_path / "go").touch()

    script = "(folder / 'last.ckpt').write_text('1'); wait_for('go'); (folder / 'finished').touch()"
    # Nothing else is due for an hour.
    looking = job(tmp_path, script, commit_every_s=3600.0, look_every_s=0.05)
    assert sit(looking, FakeVolume(kept)).done


def test_a_commit_that_open_files_prevent_is_put_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy_once(n_commits: int) -> None:
        if n_commits == 2:
            raise RuntimeError("there are open files preventing the operation")
        if n_commits == 3:
            (tmp_path / "go").touch()

    script = "wait_for('go'); (folder / 'finished').touch()"
    assert sit(job(tmp_path, script), FakeVolume(busy_once)).done
    assert "commit put off: there are open files" in capsys.readouterr().out


def test_what_the_command_says_is_passed_on_and_judged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "print('out'); print('error: no corpus', file=sys.stderr); sys.exit(2)"
    priced = job(tmp_path, script, price_h=4.0)
    verdict = sit(priced, FakeVolume())
    assert not verdict.goes_on
    assert "no corpus" in verdict.reason
    captured = capfd.readouterr()
    assert "out" in captured.out
    assert "no corpus" in captured.err
    # What it took and cost is in the log, where nobody waits at a desk.
    assert f"no corpus; {priced.spent(verdict.spent_s)}\n" in captured.out
    assert "USD" in captured.out


SAVES_WHEN_ASKED = """
    def save(*_):
        (folder / "last.ckpt").write_text("saved")
        sys.exit(130)
    signal.signal(signal.SIGTERM, save)
    (folder / "ready").touch()
    wait_for("never")
"""


class Clock:
    """Stands still until the command is ready, then is at `late` and goes on by `step` a look."""

    strftime = staticmethod(time.strftime)

    def __init__(self, ready: Path, late: float, step: float = 0.0) -> None:
        self.now = 0.0
        self._ready, self._late, self._step = ready, late, step

    def time(self) -> float:
        if self._ready.is_file():
            self.now = max(self.now + self._step, self._late)
        return self.now


def test_an_attempt_hands_over_before_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "time", Clock(tmp_path / "ready", late=900.0))
    verdict = sit(job(tmp_path, SAVES_WHEN_ASKED, limit_s=1000.0, hand_over_s=100.0), FakeVolume())
    assert verdict.goes_on
    assert "hand over" in verdict.reason
    assert (tmp_path / "last.ckpt").is_file()
    assert verdict.spent_s == 900.0


def test_a_command_that_does_not_stop_is_ended_before_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (folder / "ready").touch()
        wait_for("never")
    """
    clock = Clock(tmp_path / "ready", late=900.0, step=2.0)
    monkeypatch.setattr(attempt, "time", clock)
    verdict = sit(job(tmp_path, script, limit_s=1000.0, hand_over_s=100.0), FakeVolume())
    assert verdict.goes_on
    assert "hand over" in verdict.reason
    assert 900.0 < verdict.spent_s < 1000.0


def test_a_short_attempt_works_before_it_hands_over(tmp_path: Path) -> None:
    def third_lets_it_end(n_commits: int) -> None:
        if n_commits == 3:
            (tmp_path / "go").touch()

    # Less than the twenty minutes that a day's attempt hands over in.
    quarter = job(tmp_path, "wait_for('go'); (folder / 'finished').touch()", limit_s=900.0)
    assert sit(quarter, FakeVolume(third_lets_it_end)).done


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """SIGINT as at a terminal: started in the background, the tests would have inherited none."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_a_preempted_attempt_saves_commits_and_passes_the_interruption_on(tmp_path: Path) -> None:
    preempted: list[int] = []

    def preempt(n_commits: int) -> None:
        if (tmp_path / "ready").is_file() and not preempted:
            preempted.append(n_commits)
            signal.raise_signal(signal.SIGINT)

    volume = FakeVolume(preempt)
    with pytest.raises(KeyboardInterrupt):
        sit(job(tmp_path, SAVES_WHEN_ASKED), volume)
    assert (tmp_path / "last.ckpt").is_file()
    assert volume.said.count("commit") > preempted[0]
    (line,) = read_ledger(tmp_path / "jobs" / "test.json")
    assert (line.end or "").startswith("asked to stop")


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended; it may go while it is looked at."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_that_was_started_is_left_running(tmp_path: Path) -> None:
    script = """
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (folder / "worker").write_text(str(worker.pid))
    """
    sit(job(tmp_path, script), FakeVolume())
    worker = int((tmp_path / "worker").read_text())
    for _ in range(6000):  # it is killed by now, and gone when the machine finds the time
        if not is_running(worker):
            break
        time.sleep(0.01)
    else:
        os.kill(worker, signal.SIGKILL)
        pytest.fail("the worker outlived its job")


def test_no_attempt_starts_beyond_the_granted_hours(tmp_path: Path) -> None:
    earlier = [Attempt(n * 100.0, n * 100.0 + 50, str(n)) for n in range(3)]
    write_ledger(tmp_path / "jobs" / "test.json", earlier)
    verdict = sit(job(tmp_path, "raise SystemExit(3)", budget_s=140.0), FakeVolume())
    assert not verdict.goes_on
    assert "granted" in verdict.reason
    assert verdict.spent_s == 150.0
    assert len(read_ledger(tmp_path / "jobs" / "test.json")) == 3
