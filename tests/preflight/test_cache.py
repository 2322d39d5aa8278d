"""The cache: what is missing, changed or damaged is named."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from seizure.cache.fingerprint import fingerprint
from seizure.cache.index import CacheIndex
from seizure.cache.left_out import remember
from seizure.cache.shard import read_shard, write_shard
from seizure.corpus.entry import CorpusError, CorpusRecording
from seizure.eeg.annotation import Event
from seizure.eeg.filtering import Preprocessing
from seizure.preflight.cache import (
    Compared,
    check_complete,
    check_intact,
    check_splits,
    compare,
    cover,
    misplaced,
)
from seizure.prepare import split_faults

COMMAND = "python -m seizure.prepare"
PREPROCESSING = Preprocessing()
MIDDLE = slice(200_000, 200_016)


@pytest.fixture
def cache(tiny_cache: tuple[Path, CacheIndex], tmp_path: Path) -> tuple[Path, CacheIndex]:
    """A copy of the tiny cache that may be damaged."""
    folder = tmp_path / "cache"
    shutil.copytree(tiny_cache[0], folder)
    return folder, tiny_cache[1]


@dataclass(frozen=True)
class Written:
    """A corpus of small files under the names of the tiny cache."""

    root: Path
    entries: tuple[CorpusRecording, ...]
    name: str = "written"
    montages: tuple[str, ...] = ("referential",)

    def recordings(self) -> tuple[CorpusRecording, ...]:
        return self.entries

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        return ()


def corpus_of(index: CacheIndex, root: Path) -> Written:
    root.mkdir()
    entries = []
    rows = zip(index.stem, index.patient, index.session, index.split, strict=True)
    for stem, patient, session, split in rows:
        edf = root / f"{stem}.edf"
        edf.write_bytes(b"x" * 1000)
        entries.append(
            CorpusRecording(str(stem), str(patient), str(session), str(split), edf, None)
        )
    return Written(root, tuple(entries))


def current(index: CacheIndex, corpus: Written) -> CacheIndex:
    """The index as if it had been prepared from the corpus."""
    prints = np.asarray([fingerprint(r, PREPROCESSING) for r in corpus.entries])
    return replace(index, fingerprint=prints)


def test_a_whole_cache_of_its_corpus_is_fine(cache: tuple[Path, CacheIndex]) -> None:
    folder, index = cache
    corpus = corpus_of(index, folder.parent / "corpus")
    index = current(index, corpus)
    coverage = cover(corpus, index, folder, PREPROCESSING)
    compared = compare(folder, index, budget_s=60)
    assert coverage.missing_bytes == 0
    assert compared.n_shards == compared.n_in_all == 9
    assert check_complete(coverage, "written", COMMAND).status == "ok"
    assert check_intact(misplaced(folder, index), compared, COMMAND).status == "ok"
    assert check_splits(index, split_faults("written", index)).status == "ok"


def test_a_recording_that_is_not_in_the_index_or_changed_since_is_named(
    cache: tuple[Path, CacheIndex],
) -> None:
    folder, index = cache
    corpus = corpus_of(index, folder.parent / "corpus")
    index = current(index, corpus)
    corpus.entries[0].edf.write_bytes(b"y" * 1001)
    added = replace(corpus.entries[1], stem="new")
    coverage = cover(
        replace(corpus, entries=(*corpus.entries, added)), index, folder, PREPROCESSING
    )
    assert coverage.outdated == (corpus.entries[0].stem,)
    assert coverage.unprepared == ("new",)
    assert coverage.missing_bytes == 2001
    found = check_complete(coverage, "written", COMMAND)
    assert found.status == "fail"
    assert "new" in found.found
    assert corpus.entries[0].stem in found.found
    assert found.fix == COMMAND


def test_a_recording_that_could_not_be_used_is_a_warning_with_the_reason(
    cache: tuple[Path, CacheIndex],
) -> None:
    folder, index = cache
    corpus = corpus_of(index, folder.parent / "corpus")
    index = current(index, corpus)
    broken = replace(corpus.entries[1], stem="broken")
    remember(folder, broken, fingerprint(broken, PREPROCESSING), "no electrode Cz")
    everything = replace(corpus, entries=(*corpus.entries, broken))
    found = check_complete(cover(everything, index, folder, PREPROCESSING), "written", COMMAND)
    assert found.status == "warn"
    assert "broken: no electrode Cz" in found.found


def test_a_corpus_that_cannot_be_read_is_no_crash_of_another_kind(
    cache: tuple[Path, CacheIndex],
) -> None:
    folder, index = cache
    corpus = corpus_of(index, folder.parent / "corpus")
    corpus.entries[0].edf.unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        cover(corpus, index, folder, PREPROCESSING)


def test_a_flipped_byte_is_found_by_its_checksum(cache: tuple[Path, CacheIndex]) -> None:
    folder, index = cache
    path = folder / str(index.file[4])
    content = bytearray(path.read_bytes())
    content[MIDDLE] = bytes(b ^ 0xFF for b in content[MIDDLE])
    path.write_bytes(content)
    found = check_intact(misplaced(folder, index), compare(folder, index, 60), COMMAND)
    assert found.status == "fail"
    assert "1 damaged shards" in found.found
    assert str(path) in found.found
    assert found.fix == f"{COMMAND} prepare.verify=true"


def test_a_shard_of_another_size_or_another_recording_or_none_is_found(
    cache: tuple[Path, CacheIndex],
) -> None:
    folder, index = cache
    gone, short, other = (folder / str(index.file[row]) for row in (0, 1, 2))
    gone.unlink()
    short.write_bytes(short.read_bytes()[:-100])
    prepared = read_shard(other)  # whole in itself, but not what the index knows
    write_shard(other, replace(prepared, signal=prepared.signal[:, ::-1]))
    there = misplaced(folder, index)
    assert len(there) == 2
    assert str(gone) in there[0]
    assert str(short) in there[1]
    compared = compare(folder, index, 60)
    assert any(str(other) in line for line in compared.damaged)
    assert check_intact(there, compared, COMMAND).status == "fail"


def test_without_time_a_sample_is_compared_and_said(cache: tuple[Path, CacheIndex]) -> None:
    folder, index = cache
    compared = compare(folder, index, budget_s=0.0)
    assert compared.n_shards < compared.n_in_all
    quick = replace(compared, n_shards=3, n_bytes=10**9, seconds=1.0)
    found = check_intact((), quick, COMMAND)
    assert found.status == "ok"
    assert "3 of 9 shards" in found.found
    assert "a sample" in found.found


def test_a_slow_disk_is_a_warning() -> None:
    found = check_intact((), Compared(9, 9, 10**8, 10.0, ()), COMMAND)
    assert found.status == "warn"
    assert "10 MB/s" in found.found


def test_a_split_without_seizures_or_recordings_fails(cache: tuple[Path, CacheIndex]) -> None:
    _, index = cache
    calm = replace(
        index,
        event_start=np.zeros(len(index) + 1, np.int64),
        event_samples=np.zeros((0, 2), np.int64),
        event_type=np.zeros(0, np.uint8),
    )
    found = check_splits(calm, split_faults("tiny", calm))
    assert found.status == "fail"
    assert "no annotated seizure in the 3 recordings of dev" in found.found
    without = replace(index, split=np.where(index.split == "dev", "eval", index.split))
    found = check_splits(without, split_faults("tiny", without))
    assert "no usable recording in dev" in found.found


def test_a_patient_in_two_splits_fails(cache: tuple[Path, CacheIndex]) -> None:
    _, index = cache
    leak = replace(index, patient=np.full(len(index), "one"))
    assert check_splits(leak, ()).status == "fail"
