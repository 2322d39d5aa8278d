"""A build is complete, resumable, repeatable, and survives being killed at any moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from seizure.cache import task
from seizure.cache.build import build_cache, cache_folder
from seizure.cache.index import CacheIndex
from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import CacheError, read_shard
from seizure.cache.workers import Workers
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.annotation import SEIZURE_TYPES
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording

SETTINGS = Preprocessing()
ONE = Workers(jobs=1)


def test_every_recording_is_in_the_cache_as_it_was_filtered(corpus, tmp_path):
    seen = []
    report = build_cache(
        corpus, tmp_path / "cache", SETTINGS, workers=ONE, progress=lambda *step: seen.append(step)
    )
    recordings = corpus.recordings()
    assert (report.n_built, report.n_reused, report.failures) == (5, 0, ())
    assert report.index.stem.tolist() == [r.stem for r in recordings]
    assert [step[:2] for step in seen] == [(i, 5) for i in range(1, 6)]
    for row, recording in enumerate(recordings):
        expected = filter_recording(read_edf(recording.edf), SETTINGS)
        shard = read_shard(tmp_path / "cache" / str(report.index.file[row]))
        stored_uv = shard.signal_uv
        assert np.abs(stored_uv - expected.signal_uv).max() <= shard.scale_uv.max()
        assert shard.meta["patient"] == recording.patient
        assert report.index.n_samples[row] == expected.n_samples
    assert report.index.events_of(0).tolist() == [[5 * 256, 9 * 256]]
    assert report.index.event_types_of(0).tolist() == [SEIZURE_TYPES.index("seiz")]
    assert report.index.events_of(2).size == 0
    assert CacheIndex.load(tmp_path / "cache").equals(report.index)


def test_two_workers_make_what_one_makes(corpus, tmp_path):
    one = build_cache(corpus, tmp_path / "one", SETTINGS, workers=ONE).index
    two = build_cache(corpus, tmp_path / "two", SETTINGS, workers=Workers(jobs=2)).index
    assert one.equals(two)


def test_the_second_run_does_nothing(corpus, tmp_path):
    first = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    second = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert (second.n_built, second.n_reused) == (0, 5)
    assert second.index.equals(first.index)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == times


def test_without_an_index_the_shards_are_used_again(corpus, tmp_path):
    first = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    (tmp_path / "index.npz").unlink()
    second = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert (second.n_built, second.n_reused) == (0, 5)
    assert second.index.equals(first.index)
    assert CacheIndex.rebuild(tmp_path).crc32.sum() == first.index.crc32.sum()


def test_only_what_changed_is_made_again(corpus, tmp_path):
    build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    recordings = corpus.recordings()
    os.utime(recordings[0].edf, ns=(1, 1))
    text = recordings[1].annotation.read_text()
    recordings[1].annotation.write_text(text.replace("9.0000", "8.0000"))
    typed = text.replace("TERM,5.0000,9.0000,seiz", "FP1-F7,5.0000,9.0000,absz")
    recordings[3].annotation.with_suffix(".csv").write_text(typed)
    shard = tmp_path / "eval" / f"{recordings[4].stem}.npz"
    shard.write_bytes(shard.read_bytes()[:-1])
    report = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert (report.n_built, report.n_reused) == (4, 1)
    assert report.index.events_of(1).tolist() == [[5 * 256, 8 * 256]]
    assert report.index.event_types_of(3).tolist() == [SEIZURE_TYPES.index("absz")]


def test_a_removed_recording_leaves_the_index_and_is_named_an_orphan(corpus, tmp_path):
    build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    gone = corpus.recordings()[0]
    gone.edf.unlink()
    gone.annotation.unlink()
    report = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert (report.n_built, report.n_reused) == (0, 4)
    assert gone.stem not in report.index.stem
    assert report.orphans == (tmp_path / "train" / f"{gone.stem}.npz",)
    assert len(CacheIndex.load(tmp_path)) == 4


def test_failures_are_named_with_their_reason_and_the_rest_is_made(
    corpus, tmp_path, write_recording
):
    recordings = corpus.recordings()
    recordings[0].edf.write_bytes(recordings[0].edf.read_bytes()[:300])
    recordings[1].annotation.write_text("nonsense\n")
    recordings[2].annotation.unlink()
    write_recording(corpus.root, "dev", "aaaaaaax", rate_hz=200)
    late = "TERM,5.0000,200.0000,seiz,1.0000\n"
    path = write_recording(corpus.root, "dev", "aaaaaaay", rows=late)
    annotation = path.with_suffix(".csv_bi")
    annotation.write_text(annotation.read_text().replace("20.0000 secs", "300.0000 secs"))
    report = build_cache(corpus, tmp_path / "cache", SETTINGS, workers=Workers(jobs=2))
    reasons = {failure.stem: failure.reason for failure in report.failures}
    assert report.n_built == 2
    assert "truncated header" in reasons["aaaaaaaa_s001_t000"]
    assert "line 1" in reasons["aaaaaaaa_s001_t001"]
    assert "no annotation" in reasons["aaaaaaab_s001_t000"]
    assert "nothing above 100 Hz" in reasons["aaaaaaax_s001_t000"]
    assert "belongs to another file" in reasons["aaaaaaay_s001_t000"]
    assert len(report.failures) == 5


def test_what_is_left_out_is_read_again_only_when_it_changed_or_on_verifying(
    corpus, tmp_path, monkeypatch
):
    edf = corpus.recordings()[0].edf
    whole = edf.read_bytes()
    edf.write_bytes(whole[:300])
    first = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    n_read = []
    monkeypatch.setattr(
        task, "prepare_recording", lambda *a: n_read.append(1) or prepare_recording(*a)
    )
    second = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert second.failures == first.failures
    assert second.failures
    assert not n_read
    assert build_cache(corpus, tmp_path, SETTINGS, workers=ONE, verify=True).failures
    assert len(n_read) == 1
    edf.write_bytes(whole)
    third = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert (third.failures, third.n_built, len(third.index)) == ((), 1, 5)
    assert not list(tmp_path.rglob("*.left_out.json"))


def test_a_truncated_recording_keeps_the_seizures_that_are_left(corpus, tmp_path):
    edf = corpus.recordings()[0].edf
    edf.write_bytes(edf.read_bytes()[: 256 * 20 + 7 * 19 * 250 * 2 + 99])
    report = build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert report.index.n_samples[0] == 7 * 256
    assert report.index.events_of(0).tolist() == [[5 * 256, 7 * 256]]
    issues = read_shard(tmp_path / str(report.index.file[0])).meta["issues"]
    assert any("20 records announced, 7" in issue for issue in issues)
    assert any("only what is present counts" in issue for issue in issues)


def test_nothing_usable_is_an_error_that_names_the_reasons(tmp_path, write_recording):
    path = write_recording(tmp_path / "corpus", "train", "aaaaaaaa")
    path.write_bytes(b"")
    with pytest.raises(CacheError, match=r"none of 1 recordings.*\n.*aaaaaaaa_s001_t000: .*EDF"):
        build_cache(TuszCorpus(tmp_path / "corpus"), tmp_path / "cache", SETTINGS, workers=ONE)


def test_other_settings_have_another_folder(tmp_path):
    folder = cache_folder(tmp_path, "tusz", SETTINGS)
    assert folder.parent == tmp_path / "tusz"
    assert len(folder.name) == 8
    assert folder == cache_folder(tmp_path, "tusz", Preprocessing())
    assert folder != cache_folder(tmp_path, "tusz", Preprocessing(mains_hz=50.0))


def test_left_temporaries_are_swept_but_not_those_of_a_living_builder(corpus, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "locks").mkdir()
    dead = [tmp_path / "train" / ".x.npz.123.tmp", tmp_path / ".index.npz.123.tmp"]
    living = tmp_path / "train" / ".y.npz.124.tmp"
    for path in (*dead, living):
        path.write_bytes(b"half")
    with FileLock(tmp_path / "locks" / "train-y.npz.lock"):
        build_cache(corpus, tmp_path, SETTINGS, workers=ONE)
    assert not any(path.exists() for path in dead)
    assert living.exists()


BUILDER = """
import os, sys, time
from seizure.cache.workers import Workers
from pathlib import Path
from seizure.cache import task
from seizure.cache.build import build_cache
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing

sync = os.fsync
os.fsync = lambda descriptor: (time.sleep(0.01), sync(descriptor))
build_cache(
    TuszCorpus(Path(sys.argv[1])), Path(sys.argv[2]), Preprocessing(), workers=Workers(jobs=1),
    progress=lambda *step: print(*step, flush=True),
)
"""


def _builder(corpus, folder):
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(corpus.root), str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )


def test_killed_builders_leave_nothing_unreadable_and_the_next_one_finishes(
    corpus, tmp_path, write_recording
):
    for number in range(2, 20):
        write_recording(corpus.root, "train", "aaaaaaaa", number, duration_s=8)
    folder = tmp_path / "cache"
    rng = np.random.default_rng(0)
    for _ in range(4):
        with _builder(corpus, folder) as process:
            assert process.stdout is not None
            for _ in range(int(rng.integers(1, 5))):
                process.stdout.readline()
            time.sleep(float(rng.uniform(0, 0.03)))
            process.send_signal(signal.SIGKILL)
        for path in folder.glob("*/*.npz"):
            read_shard(path)
    report = build_cache(corpus, folder, SETTINGS, workers=ONE)
    assert report.n_reused > 0
    assert len(report.index) == 23
    undisturbed = build_cache(corpus, tmp_path / "undisturbed", SETTINGS, workers=ONE)
    assert report.index.equals(undisturbed.index)
    assert not list(folder.rglob("*.tmp"))


def test_two_builders_at_once_make_one_whole_cache(corpus, tmp_path):
    with _builder(corpus, tmp_path / "cache") as one, _builder(corpus, tmp_path / "cache") as two:
        assert one.wait() == two.wait() == 0
    report = build_cache(corpus, tmp_path / "cache", SETTINGS, workers=ONE)
    assert (report.n_built, report.n_reused) == (0, 5)
    assert not list((tmp_path / "cache").rglob("*.tmp"))
