"""The index says what the shards say, and is replaced as a whole."""

from dataclasses import replace

import numpy as np
import pytest

from seizure.cache.index import CacheIndex
from seizure.cache.shard import CacheError, write_shard
from seizure.corpus.split import PatientLeak, RecordingLeak


def _add(folder, prepared, split, patient, n_events=2, seed=0):
    stem = f"{patient}_s001_t000"
    signal = np.random.default_rng(seed).integers(-9, 9, (3, 1000 + seed)).astype(np.int16)
    meta = {**prepared.meta, "split": split, "patient": patient, "stem": stem}
    events = prepared.events[:n_events]
    changed = replace(
        prepared, signal=signal, meta=meta, events=events, event_type=prepared.event_type[:n_events]
    )
    write_shard(folder / split / f"{stem}.npz", changed)


@pytest.fixture
def folder(tmp_path, prepared):
    _add(tmp_path, prepared, "train", "a", seed=1)
    _add(tmp_path, prepared, "train", "b", n_events=0, seed=2)
    _add(tmp_path, prepared, "dev", "c", n_events=1, seed=3)
    return tmp_path


def test_it_is_rebuilt_from_the_shards(folder):
    index = CacheIndex.rebuild(folder)
    assert len(index) == 3
    assert index.file.tolist() == [
        "dev/c_s001_t000.npz", "train/a_s001_t000.npz", "train/b_s001_t000.npz",
    ]  # fmt: skip
    assert index.rows("train").tolist() == [1, 2]
    assert index.rows("train").dtype == np.int32
    assert index.rows("eval").size == 0
    assert index.events_of(0).tolist() == [[3, 70]]
    assert index.events_of(1).tolist() == [[3, 70], [100, 1001]]
    assert index.events_of(2).shape == (0, 2)
    assert index.event_types_of(1).tolist() == [1, 5]
    assert index.hours("train") == pytest.approx((1001 + 1002) / 256 / 3600)
    assert index.channel_names == ("Fz", "Cz", "Pz")
    assert index.scale_uv.shape == (3, 3)
    assert index.scale_uv.dtype == np.float32
    assert index.crc32.dtype == np.uint32
    assert index.event_start.dtype == index.event_samples.dtype == np.int64


def test_what_is_saved_is_loaded(folder):
    index = CacheIndex.rebuild(folder)
    index.save(folder / "index.npz")
    for path in (folder, folder / "index.npz"):
        loaded = CacheIndex.load(path)
        assert loaded.equals(index)
        assert loaded.channel_names == index.channel_names
        assert isinstance(loaded.rate_hz, float)


def test_a_header_from_the_index_makes_the_same_index(folder):
    index = CacheIndex.rebuild(folder)
    entries = [(str(index.file[row]), index.header(row)) for row in range(len(index))]
    assert CacheIndex.from_headers(entries).equals(index)


def test_a_missing_or_damaged_index_is_refused_with_the_fix(folder):
    with pytest.raises(CacheError, match=r"no index.*seizure\.prepare"):
        CacheIndex.load(folder)
    path = folder / "index.npz"
    CacheIndex.rebuild(folder).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CacheError, match=r"damaged index.*seizure\.prepare"):
        CacheIndex.load(folder)


def test_an_empty_folder_and_mixed_layouts_are_refused(folder, prepared):
    with pytest.raises(CacheError, match="no shard"):
        CacheIndex.rebuild(folder / "nowhere")
    slower = replace(prepared, meta={**prepared.meta, "rate_hz": 200.0})
    write_shard(folder / "eval" / "d.npz", slower)
    with pytest.raises(CacheError, match="different channels or rates"):
        CacheIndex.rebuild(folder)


def test_the_audit_counts_hours(folder):
    audit = CacheIndex.rebuild(folder).audit()
    assert [(c.split, c.n_patients) for c in audit.counts] == [("train", 2), ("dev", 1)]
    assert audit.counts[0].hours == pytest.approx(2003 / 256 / 3600)


def test_the_audit_finds_a_patient_in_two_splits(folder, prepared):
    _add(folder, prepared, "eval", "a", seed=9)
    with pytest.raises(PatientLeak, match="a in eval and train"):
        CacheIndex.rebuild(folder).audit()


def test_the_audit_finds_one_signal_under_two_names(folder, prepared):
    _add(folder, prepared, "eval", "z", seed=1)
    with pytest.raises(RecordingLeak, match="a_s001_t000 = z_s001_t000 in eval and train"):
        CacheIndex.rebuild(folder).audit()


def test_a_flipped_bit_is_found_or_changes_nothing(folder):
    index = CacheIndex.rebuild(folder)
    path = folder / "index.npz"
    index.save(path)
    whole = path.read_bytes()
    n_found = 0
    for place in np.random.default_rng(0).choice(8 * len(whole), 1000, replace=False).tolist():
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert CacheIndex.load(path).equals(index)
        except CacheError:
            n_found += 1
    assert n_found > 100
