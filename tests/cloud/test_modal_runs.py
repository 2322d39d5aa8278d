"""What the launcher starts, run here: killed and continued, in parts, refused for good."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

from seizure.cloud import launch
from seizure.cloud.fleet import Fleet
from seizure.cloud.job import Job, Unfinished, Verdict, read_ledger
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
            with suppress(psutil.NoSuchProcess):
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
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = quick.runs / "cloud"
    volume = KillingVolume(run / "checkpoints" / "last.ckpt", children_running)
    monkeypatch.setattr(launcher, "results", volume)
    # Epochs enough that the training cannot be over before it is killed.
    told = quick.overrides("run=cloud", "trainer.max_epochs=6", "+hw.price_h=36")
    overrides = ["+experiment=smoke", *told]
    job = Job(
        name="train-cloud",
        command=("-m", "seizure.train", *overrides),
        ledger=tmp_path / "train-cloud.json",
        limit_s=600.0,
        budget_s=1200.0,
        finished=run / "finished",
        checkpoint=run / "checkpoints" / "last.ckpt",
        commit_every_s=0.1,
        price_h=36.0,
    )
    with pytest.raises(Unfinished, match="SIGKILL"):
        launcher.attempt.local(job)
    assert volume.n_killed
    assert not (run / "finished").is_file()

    verdict = launcher.attempt.local(job)
    assert verdict.done
    attempts = read_ledger(tmp_path / "train-cloud.json")
    assert [a.end for a in attempts] == ["ended by SIGKILL", "finished"]
    assert verdict.spent_s == sum(a.seen_at - a.started_at for a in attempts)
    assert (run / "finished").is_file()
    assert (run / "report.md").is_file()
    said = (run / "train.log").read_text()
    assert "continuing from" in said
    # What is left is estimated while it lasts, what it took is said at its end.
    assert re.search(r"\d epochs? left, at most \d.* and \d+\.\d\d USD \(hw\.price_h\)", said)
    cost = f"finished; {job.spent(verdict.spent_s)}"
    assert cost in capfd.readouterr().out
    assert volume.n_reloads == 2

    # Once more: nothing is left to do, and nothing is started.
    assert launcher.attempt.local(job).reason == "finished before"


class HereCloud:
    """Machines that are this one: what Modal would start elsewhere runs here, one by one.

    `from_id` finds what was spawned again, as `modal.FunctionCall` does.
    """

    def __init__(self, launcher: ModuleType) -> None:
        self.options: dict[str, Any] = {}
        self._attempt = launcher.attempt
        self._ends: dict[str, Verdict | Unfinished] = {}

    def with_options(self, **options: Any) -> "HereCloud":
        self.options = options
        return self

    def spawn(self, job: Job) -> SimpleNamespace:
        try:
            self._ends[job.name] = self._attempt.local(job)
        except Unfinished as unfinished:
            self._ends[job.name] = unfinished
        return self.from_id(job.name)

    def from_id(self, call: str) -> SimpleNamespace:
        return SimpleNamespace(object_id=call, get=lambda: self._end(call))

    def _end(self, call: str) -> Verdict:
        end = self._ends[call]
        if isinstance(end, Unfinished):
            raise end
        return end


@here
def test_the_doctor_examines_a_cache_through_the_launcher(
    launcher: ModuleType,
    quick: Any,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Planned, priced and started as at a desk; only what lies on the Volume lies here.
    monkeypatch.setattr(launch, "RESULTS", PurePosixPath(tmp_path))
    monkeypatch.setattr(launcher, "results", KillingVolume(tmp_path / "none", lambda _: []))
    cloud = HereCloud(launcher)
    monkeypatch.setattr(launcher, "attempt", cloud)
    cache = f"paths.cache={quick.folder / 'data' / 'cache'}"
    launcher.launch("doctor", ["--hw", "cpu", "--run", "r", *quick.overrides(), cache, "--force"])
    assert (cloud.options["timeout"], cloud.options["retries"].max_retries) == (900, 0)
    said = capfd.readouterr().out
    assert "at most 1 attempt of 0.25 h" in said
    assert "cache complete" in said
    assert re.search(r"doctor-r-\S+: done, exit code 0; 0\.\d\d h in all, about 0\.\d\d USD", said)
    kept = json.loads((tmp_path / "jobs" / "r.doctor.json").read_text())
    assert kept["step"]["forward_s"] > 0


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
        )
        for number, part in enumerate([(), ("part=1/2",), ("part=2/2",)])
    ]
    monkeypatch.setattr(launcher.modal.FunctionCall, "from_id", cloud.from_id)
    fleet = Fleet(tuple(jobs[1:]), tmp_path / "started.json", at_once=2, last=jobs[0])
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
    )
    verdict = launcher.attempt.local(job)
    assert not verdict.done
    assert not verdict.goes_on
    assert "unknown key 'modle'" in verdict.reason
