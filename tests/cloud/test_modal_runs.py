"""What the launcher starts, run here: killed and continued, in parts, refused for good."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seizure.cloud.attempt import Job, Unfinished, Verdict, read_ledger
from seizure.cloud.fleet import Fleet
from seizure.hardware import read_profile

ROOT = Path(__file__).parents[2]
CPU = read_profile(ROOT / "conf" / "hw", "cpu").hardware
pytestmark = pytest.mark.filterwarnings("error::modal.exception.DeprecationError")


class KillingVolume:
    """A Volume at whose commit, once there is a checkpoint, the training is killed."""

    def __init__(self, checkpoint: Path, children_running: Callable[[str], list[Any]]) -> None:
        self.n_reloads = self.n_commits = self.n_killed = 0
        self._checkpoint = checkpoint
        self._children_running = children_running

    def reload(self) -> None:
        self.n_reloads += 1

    def commit(self) -> None:
        self.n_commits += 1
        if self.n_killed or not self._checkpoint.is_file():
            return
        for child in self._children_running("seizure.train"):
            child.send_signal(signal.SIGKILL)
            self.n_killed += 1


# Said by Modal whenever a function runs here, which is the point.
here = pytest.mark.filterwarnings("ignore:.*is executing locally")


@here
@pytest.mark.slow
def test_a_killed_training_is_continued_by_the_next_attempt(
    launcher: ModuleType,
    quick: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    children_running: Callable[[str], list[Any]],
) -> None:
    run = quick.runs / "cloud"
    volume = KillingVolume(run / "checkpoints" / "last.ckpt", children_running)
    monkeypatch.setattr(launcher, "results", volume)
    overrides = ["+experiment=smoke", *quick.overrides("run=cloud", "trainer.max_epochs=4")]
    job = Job(
        name="train-cloud",
        command=("-m", "seizure.train", *overrides),
        ledger=tmp_path / "train-cloud.json",
        limit_s=600.0,
        budget_s=1200.0,
        finished=run / "finished",
        checkpoint=run / "checkpoints" / "last.ckpt",
        hand_over_s=60.0,
        commit_every_s=0.1,
    )
    with pytest.raises(Unfinished, match="SIGKILL"):
        launcher.attempt.local(job)
    assert volume.n_killed == 1
    assert not (run / "finished").is_file()

    verdict = launcher.attempt.local(job)
    assert verdict.done
    assert verdict.spent_s > 5.0
    assert (run / "finished").is_file()
    assert (run / "report.md").is_file()
    assert "continuing from" in (run / "train.log").read_text()
    assert [a.end for a in read_ledger(tmp_path / "train-cloud.json")] == [
        "ended by SIGKILL",
        "finished",
    ]
    assert volume.n_reloads == 2

    # Once more: nothing is left to do, and nothing is started.
    assert launcher.attempt.local(job).reason == "finished before"


class HereCloud:
    """Machines that are this one: what Modal would start elsewhere runs here, one by one."""

    def __init__(self, launcher: ModuleType) -> None:
        self.options: dict[str, Any] = {}
        self._attempt = launcher.attempt

    def with_options(self, **options: Any) -> "HereCloud":
        self.options = options
        return self

    def map(self, jobs: list[Job], return_exceptions: bool) -> Iterator[Verdict | Exception]:
        assert return_exceptions
        for job in jobs:
            try:
                yield self._attempt.local(job)
            except Unfinished as unfinished:
                yield unfinished


@here
def test_a_fleet_prepares_a_corpus_and_one_index_names_what_failed(
    launcher: ModuleType,
    quick: Any,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(quick.corpus, tmp_path / "corpus", copy_function=os.link)
    broken = sorted((tmp_path / "corpus").rglob("*.edf"))[0]
    broken.unlink()
    broken.write_text("this is a letter, not an EEG\n")
    cloud = HereCloud(launcher)
    monkeypatch.setattr(launcher, "results", KillingVolume(tmp_path / "none", lambda _: []))
    monkeypatch.setattr(launcher, "attempt", cloud)
    told = ("corpus=tusz", f"corpus.root={tmp_path / 'corpus'}", f"paths.data={tmp_path}")
    jobs = [
        Job(
            name=f"prepare-{number}",
            command=("-m", "seizure.prepare", *told, "prepare.jobs=1", *part),
            ledger=tmp_path / f"{number}.json",
            limit_s=600.0,
            budget_s=1200.0,
            done_codes=(0, 1),
            hand_over_s=60.0,
        )
        for number, part in enumerate([(), ("part=1/2",), ("part=2/2",)])
    ]
    fleet = Fleet(tuple(jobs[1:]), at_once=2, last=jobs[0])
    verdict = launcher.conductor.local(fleet, (CPU, None, ()))
    assert (verdict.done, verdict.reason) == (True, "3 of 3 jobs done")
    assert cloud.options["max_containers"] == 2
    assert len(list((tmp_path / "cache").rglob("index.npz"))) == 1
    said = capfd.readouterr().out
    # By its part, and by whoever writes the index: nobody tries it a third time.
    assert said.count(f"left out: {broken.stem}") == 2
    assert " 0 prepared now" in said


@here
def test_a_configuration_error_is_not_tried_again(
    launcher: ModuleType, quick: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(launcher, "results", KillingVolume(tmp_path / "none", lambda _: []))
    job = Job(
        name="train-typo",
        command=("-m", "seizure.train", *quick.overrides("run=typo", "modle=base")),
        ledger=tmp_path / "typo.json",
        limit_s=600.0,
        budget_s=1200.0,
        finished=quick.runs / "typo" / "finished",
        hand_over_s=60.0,
    )
    verdict = launcher.attempt.local(job)
    assert not verdict.done
    assert not verdict.goes_on
    assert "unknown key 'modle'" in verdict.reason
