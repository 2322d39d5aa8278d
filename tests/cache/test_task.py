"""A recording's turn: damage is found and mended, a changing source is not half-read."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from seizure.cache.build import build_cache
from seizure.cache.index import CacheIndex
from seizure.cache.shard import CacheError, check_shard, read_shard, write_shard
from seizure.cache.task import lock
from seizure.cache.workers import Workers
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing

SETTINGS = Preprocessing()
ONE, TWO = Workers(jobs=1), Workers(jobs=2)
PATIENCE_S = 300  # what a machine may take that has better things to do


def contents(folder):
    """Every file of a cache that later stages read."""
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*.npz"))}


@pytest.mark.parametrize("workers", [ONE, TWO])
def test_damage_is_named_and_mended_once(corpus, tmp_path, workers):
    index = build_cache(corpus, tmp_path, SETTINGS, ONE).index
    flipped, cut, gone, exchanged, _ = shards = [tmp_path / file for file in index.file.tolist()]
    before = contents(tmp_path)
    content = bytearray(flipped.read_bytes())
    content[int(index.signal_offset[0]) + 777] ^= 4
    flipped.write_bytes(content)
    n_bytes = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:-50])
    gone.unlink()
    # Whole, of the right size and fingerprint, but of other samples than the index knows.
    other = read_shard(exchanged)
    write_shard(exchanged, replace(other, signal=other.signal ^ 1))
    found = build_cache(corpus, tmp_path, SETTINGS, workers, verify=True)
    reasons = [damage.reason for damage in found.damaged]
    assert [reason.split(":")[0] for reason in reasons] == [str(shard) for shard in shards[:4]]
    for reason, expected in zip(
        reasons,
        (
            "found signal with CRC",
            f"found {n_bytes - 50} bytes, expected {n_bytes}",
            "found no file",
            f"expected {int(index.crc32[3]):08x} as the index",
        ),
        strict=True,
    ):
        assert expected in reason
    assert (found.n_built, found.n_reused) == (4, 1)
    assert contents(tmp_path) == before
    again = build_cache(corpus, tmp_path, SETTINGS, workers, verify=True)
    assert (again.damaged, again.n_built, again.n_reused) == ((), 0, 5)


def test_damage_without_a_source_is_left_out(corpus, tmp_path):
    index = build_cache(corpus, tmp_path, SETTINGS, ONE).index
    (tmp_path / str(index.file[0])).write_bytes(b"")
    stamp = corpus.recordings()[0].edf.stat().st_mtime_ns
    corpus.recordings()[0].edf.write_bytes(bytes(corpus.recordings()[0].edf.stat().st_size))
    os.utime(corpus.recordings()[0].edf, ns=(stamp, stamp))
    found = build_cache(corpus, tmp_path, SETTINGS, ONE, verify=True)
    assert len(found.damaged) == len(found.failures) == 1
    assert len(CacheIndex.load(tmp_path)) == 4


@dataclass(frozen=True)
class Changing(TuszCorpus):
    """A corpus whose first recording is written to, or vanishes, while it is read."""

    does: str = "grow"

    def events(self, recording):
        first = self.recordings()[0]
        if recording == first and self.does == "vanish":
            self.recordings()[-1].edf.unlink()
        elif recording == first:
            os.utime(first.edf, ns=(1, 1))
        return super().events(recording)


def test_a_source_that_changes_while_it_is_read_is_left_to_the_next_run(corpus, tmp_path):
    report = build_cache(Changing(corpus.root), tmp_path, SETTINGS, ONE)
    (failure,) = report.failures
    assert failure.stem == corpus.recordings()[0].stem
    assert "changed while it was read" in failure.reason
    assert not (tmp_path / "train" / f"{failure.stem}.npz").exists()
    again = build_cache(corpus, tmp_path, SETTINGS, ONE)
    assert (again.n_built, again.n_reused, again.failures) == (1, 4, ())


def test_a_source_that_vanishes_during_the_build_is_left_out(corpus, tmp_path):
    report = build_cache(Changing(corpus.root, does="vanish"), tmp_path, SETTINGS, ONE)
    (failure,) = report.failures
    assert failure.stem == "aaaaaaad_s001_t000"
    assert "no such file" in failure.reason
    assert (report.n_built, len(report.index)) == (4, 4)


def test_a_recording_that_another_builder_holds_comes_last(corpus, tmp_path):
    """The others do not wait for it: that is how two builders share the work."""
    first = corpus.recordings()[0]
    n_done = []
    four_are_done, reports = threading.Event(), []

    def on_progress(done: int, _total: int, stem: str) -> None:
        n_done.append(stem)
        if done == 4:
            four_are_done.set()

    thread = threading.Thread(
        target=lambda: reports.append(build_cache(corpus, tmp_path, SETTINGS, ONE, on_progress))
    )
    with lock(tmp_path, f"train-{first.stem}.npz"):
        thread.start()
        assert four_are_done.wait(PATIENCE_S)
        assert first.stem not in n_done
    thread.join(PATIENCE_S)
    assert n_done[-1] == first.stem
    assert (reports[0].n_built, reports[0].failures) == (5, ())


@dataclass(frozen=True)
class Endless(TuszCorpus):
    """A corpus whose last recording is never done with, so that a build is never over too soon."""

    def events(self, recording):
        while recording == self.recordings()[-1]:
            time.sleep(0.1)
        return super().events(recording)


def test_a_killed_worker_stops_the_build_and_the_next_one_completes_it(
    corpus, tmp_path, write_recording, children_running
):
    for number in range(2, 12):
        write_recording(corpus.root, "train", "aaaaaaaa", number, duration_s=8)

    def kill_the_workers(done: int, _total: int, _stem: str) -> None:
        if done == 2:
            for worker in children_running("popen_loky_posix"):
                with suppress(psutil.NoSuchProcess):
                    worker.kill()

    folder = tmp_path / "cache"
    with pytest.raises(CacheError, match=r"worker was killed.*same command again"):
        build_cache(Endless(corpus.root), folder, SETTINGS, TWO, progress=kill_the_workers)
    for shard in folder.glob("*/*.npz"):
        check_shard(shard)
    report = build_cache(corpus, folder, SETTINGS, TWO)
    assert report.n_reused >= 2
    assert len(report.index) == 15
    build_cache(corpus, tmp_path / "undisturbed", SETTINGS, ONE)
    assert contents(folder) == contents(tmp_path / "undisturbed")


BUILDER = """
import resource, sys
from pathlib import Path
from seizure.cache.build import build_cache
from seizure.cache.shard import CacheError
from seizure.cache.workers import Workers
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing

root, folder, jobs, n_bytes = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(n_bytes), int(n_bytes)))
try:
    build_cache(TuszCorpus(Path(root)), Path(folder), Preprocessing(), Workers(jobs=int(jobs)))
except CacheError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("n_bytes", [5000, 150_000])
def test_a_full_disk_stops_the_build_and_loses_nothing(corpus, tmp_path, jobs, n_bytes):
    """A limit on the size of files stands for the disk: the long recordings do not fit."""
    folder = tmp_path / "cache"
    ended = subprocess.run(
        [sys.executable, "-c", BUILDER, corpus.root, folder, jobs, str(n_bytes)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == 1
    assert "cannot be written (File too large)" in ended.stderr
    assert "make room or set paths.cache, then give the same command again" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(folder.rglob("*.tmp"))
    for shard in folder.glob("*/*.npz"):
        check_shard(shard)
    assert len(build_cache(corpus, folder, SETTINGS, ONE).index) == 5
    build_cache(corpus, tmp_path / "roomy", SETTINGS, ONE)
    assert contents(folder) == contents(tmp_path / "roomy")


def test_a_folder_that_cannot_be_made_is_explained(corpus, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match=r"cannot be written \(Not a directory\).*paths\.cache"):
        build_cache(corpus, tmp_path / "file" / "cache", SETTINGS, ONE)
