"""The doctor finds what was broken on purpose, names it with its fix, and touches nothing."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from seizure import doctor, prepare, train
from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.preflight import machine, storage
from seizure.preflight.check import Check
from seizure.preflight.examination import Examination
from seizure.prepare import cache_of, prepare_corpus


@dataclass(frozen=True)
class Patient:
    """A configuration and a cache of its own that may be broken."""

    overrides: list[str]
    cache: Path
    folder: Path
    checks: Callable[..., list[Check]]

    def index(self) -> CacheIndex:
        return CacheIndex.load(self.folder)

    def save(self, index: CacheIndex) -> None:
        index.save(self.folder / INDEX_FILE)


@pytest.fixture(scope="session")
def prepared(quick) -> Path:
    """The cache of the corpus of minutes."""
    config = quick.config()
    prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    return config.paths.cache


@pytest.fixture
def patient(quick, prepared, tmp_path) -> Patient:
    cache = tmp_path / "cache"
    shutil.copytree(prepared, cache)
    overrides = quick.overrides(f"paths.cache={cache}", f"paths.runs={tmp_path / 'runs'}")
    config = quick.config(*overrides)

    def checks(*more: str) -> list[Check]:
        return Examination(quick.config(*overrides, *more)).checks()

    return Patient(overrides, cache, cache_of(config.corpus, config.preprocess, cache), checks)


def everything_below(*folders: Path) -> dict[str, int]:
    return {
        str(p): p.stat().st_mtime_ns for folder in folders for p in folder.rglob("*") if p.is_file()
    }


def test_a_sound_configuration_passes_and_nothing_is_written(
    patient, quick, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = everything_below(quick.folder, tmp_path)
    ended = command(doctor.VERB, *patient.overrides, "output=doctor.json")
    assert ended.code == 0, ended.out
    content = json.loads((tmp_path / "doctor.json").read_text())
    assert content["status"] in ("ok", "warn")
    assert content["epoch"]["n_train_batches"] == 4  # 16 windows in batches of 4
    assert all(content["step"][f"{part}_s"] > 0 for part in ("forward", "backward", "optimiser"))
    assert [c["name"] for c in content["checks"]][-1] == "time and cost"
    (tmp_path / "doctor.json").unlink()
    assert everything_below(quick.folder, tmp_path) == before


def no_cache(patient, monkeypatch):
    shutil.rmtree(patient.cache)


def one_shard_damaged(patient, monkeypatch):
    path = patient.folder / str(patient.index().file[3])
    content = bytearray(path.read_bytes())
    content[100_000] ^= 0xFF
    path.write_bytes(content)


def one_shard_gone(patient, monkeypatch):
    (patient.folder / str(patient.index().file[2])).unlink()


def one_recording_not_in_the_index(patient, monkeypatch):
    index = patient.index()
    entries = [(str(index.file[row]), index.header(row)) for row in range(1, len(index))]
    patient.save(CacheIndex.from_headers(entries))


def one_recording_changed(patient, monkeypatch):
    index = patient.index()
    patient.save(replace(index, fingerprint=np.array(["0" * 16, *index.fingerprint[1:]])))


def no_seizure_in_dev(patient, monkeypatch):
    index = patient.index()
    calm = [
        replace(h, events=h.events[:0], event_type=h.event_type[:0])
        if h.meta["split"] == "dev"
        else h
        for h in map(index.header, range(len(index)))
    ]
    patient.save(CacheIndex.from_headers(zip(index.file.tolist(), calm, strict=True)))


def cache_on_a_bucket(patient, monkeypatch):
    mounts = [
        SimpleNamespace(mountpoint="/", fstype="ext4", device="/dev/sda1"),
        SimpleNamespace(mountpoint=str(patient.cache), fstype="fuse.s3fs", device="my-bucket"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)


def a_full_disk(patient, monkeypatch):
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))


def a_file_where_runs_go(patient, monkeypatch):
    (patient.cache.parent / "runs").write_text("")


def a_small_machine(patient, monkeypatch):
    there = replace(machine.this_machine(), n_cores=2, cards=())
    monkeypatch.setattr(machine, "this_machine", lambda: there)


def nothing(patient, monkeypatch):
    """The fault is in what is asked for."""


FAULTS = [
    (no_cache, [], "cache complete", "no index, so no cache here", "python -m seizure.prepare"),
    (one_shard_damaged, [], "cache intact", "1 damaged shards", "prepare.verify=true"),
    (one_shard_gone, [], "cache intact", "found no file", "prepare.verify=true"),
    (
        one_recording_not_in_the_index,
        [],
        "cache complete",
        "are not in the cache",
        "python -m seizure.prepare",
    ),
    (one_recording_changed, [], "cache complete", "changed since", "python -m seizure.prepare"),
    (no_seizure_in_dev, [], "splits", "no annotated seizure", "corpus.split"),
    (cache_on_a_bucket, [], "cache on a local disk", "my-bucket", "paths.cache="),
    (a_full_disk, [], "disk space for runs", "0.0 GB free", "paths.runs="),
    (a_file_where_runs_go, [], "runs can be written", "is a file", "paths.runs="),
    (
        a_small_machine,
        ["loader.num_workers=2"],
        "cores and workers",
        "2 loader workers on 2 cores",
        "loader.num_workers=1",
    ),
    (
        a_small_machine,
        ["trainer.accelerator=cuda"],
        "device",
        "no CUDA device",
        "trainer.accelerator=auto",
    ),
    (nothing, ["trainer.precision=16-mixed"], "precision", "needs a GPU", "32-true"),
    (nothing, ["loader.batch_size=1000000"], "batch and memory", "1000000", "loader.batch_size="),
    (nothing, ["loader.batch_size=64"], "one step", "fewer than one batch", "loader.batch_size"),
]


@pytest.mark.parametrize(
    ("plant", "asked", "name", "found", "fix"),
    [
        pytest.param(*fault, id=" ".join([fault[0].__name__.replace("_", " "), *fault[1]]))
        for fault in FAULTS
    ],
)
def test_a_planted_fault_is_found_named_and_given_its_fix(
    patient, monkeypatch, plant, asked, name, found, fix
):
    plant(patient, monkeypatch)
    checks = patient.checks(*asked)
    (check,) = [c for c in checks if c.name == name]
    assert check.status == "fail"
    assert found in check.found
    assert fix in check.fix
    # Nothing else is blamed, beside what could not be timed for it.
    others = {c.name for c in checks if c.status == "fail"} - {name}
    assert others <= {"one step"}


def test_the_command_for_a_missing_cache_makes_it(patient, command, monkeypatch):
    shutil.rmtree(patient.cache)
    missing = command(doctor.VERB, *patient.overrides)
    assert missing.code == 1
    line = next(x for x in missing.out.splitlines() if "fix: python -m seizure.prepare" in x)
    assert command(prepare.VERB, *line.partition("seizure.prepare ")[2].split()).code == 0
    assert command(doctor.VERB, *patient.overrides).code == 0


def test_an_impossible_configuration_ends_before_any_check(patient, command):
    ended = command(doctor.VERB, *patient.overrides, "model.node.headdim=5")
    assert ended.code == 2
    assert "earest legal" in ended.err
    assert command(doctor.VERB, "loader.num_worker=2").code == 2


def test_output_and_replay_that_cannot_be_are_refused(patient, command, tmp_path):
    ended = command(doctor.VERB, *patient.overrides, f"output={tmp_path / 'no' / 'doctor.json'}")
    assert ended.code == 2
    assert "found no folder" in ended.err
    ended = command(doctor.VERB, f"replay={tmp_path / 'none.pt'}")
    assert ended.code == 2
    assert "none.pt" in ended.err


def test_a_corpus_that_is_not_there_is_a_finding_too(tmp_path):
    nowhere = tmp_path / "nowhere"
    given = ["corpus=tusz", f"corpus.root={nowhere}", f"paths.data={tmp_path}"]
    checks = Examination(load("train", TrainConfig, given)).checks()
    (check,) = [c for c in checks if c.name == "cache complete"]
    assert check.status == "fail"
    assert "no index" in check.found
    assert str(nowhere) in check.found
    assert "corpus.root=" in check.fix


def test_a_batch_that_broke_a_run_is_run_again(quick, prepared, command, tmp_path):
    exploding = quick.overrides(
        f"paths.runs={tmp_path}",
        "run=broken",
        "optimisation.lr=1e30",
        "trainer.gradient_clip_val=null",
        "trainer.max_epochs=1",
    )
    assert command(train.VERB, *exploding).code == 2
    ended = command(doctor.VERB, f"replay={tmp_path / 'broken' / 'nonfinite.pt'}")
    assert ended.code == 0
    assert "then: The first thing that is not finite is" in ended.out
    assert "now: The first thing that is not finite is" in ended.out
