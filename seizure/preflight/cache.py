"""The cache: whether every recording of the corpus is in it, current, and as it was written."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seizure.cache.fingerprint import fingerprint
from seizure.cache.index import CacheIndex
from seizure.cache.left_out import remembered
from seizure.cache.shard import CacheError, check_shard, read_header
from seizure.cache.task import shard_file
from seizure.corpus.entry import Corpus, CorpusError
from seizure.corpus.split import PatientLeak
from seizure.eeg.filtering import Preprocessing
from seizure.preflight.check import Check, listed

SPLITS = "splits"

# Below this a disk keeps a loader waiting: an A100 reads some 50 MB/s of windows of `base`.
_SLOW_MB_S = 100.0


@dataclass(frozen=True)
class Compared:
    """What reading shards whole has shown; `damaged` says of each what is wrong with it.

    `n_shards` of `n_in_all` were read, `n_bytes` in `seconds`.
    """

    n_shards: int
    n_in_all: int
    n_bytes: int
    seconds: float
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """The recordings of a corpus beside those of its cache, by name.

    `unprepared` are not in the cache, `outdated` changed since; `left_out` could not be used when
    they were prepared, each with the reason. `missing_bytes` is the size of the EDFs that are still
    to be prepared.
    """

    n_recordings: int
    unprepared: tuple[str, ...]
    outdated: tuple[str, ...]
    left_out: tuple[str, ...]
    missing_bytes: int


def cover(
    corpus: Corpus, index: CacheIndex, folder: Path, preprocessing: Preprocessing
) -> Coverage:
    """Hold every recording of a corpus against the index. Raises `CorpusError`."""
    prints = dict(zip(index.file.tolist(), index.fingerprint.tolist(), strict=True))
    unprepared, outdated, left_out, missing_bytes = [], [], [], 0
    recordings = corpus.recordings()
    for recording in recordings:
        known = prints.get(shard_file(recording))
        try:
            if known == fingerprint(recording, preprocessing):
                continue
            reason = remembered(folder, recording, preprocessing)
            if reason is not None:
                left_out.append(f"{recording.stem}: {reason}")
                continue
            missing_bytes += recording.edf.stat().st_size
        except OSError as error:
            raise CorpusError(f"{recording.edf}: cannot be read ({error.strerror})") from error
        (unprepared if known is None else outdated).append(recording.stem)
    return Coverage(
        len(recordings), tuple(unprepared), tuple(outdated), tuple(left_out), missing_bytes
    )


def misplaced(folder: Path, index: CacheIndex) -> tuple[str, ...]:
    """What is wrong with files that the index names: not there, or of another size."""
    faults = []
    for file, n_bytes in zip(index.file.tolist(), index.size_bytes.tolist(), strict=True):
        path = folder / file
        if not path.is_file():
            faults.append(f"{path}: found no file, the index has it")
        elif path.stat().st_size != n_bytes:
            faults.append(f"{path}: found {path.stat().st_size} bytes, expected {n_bytes}")
    return tuple(faults)


def compare(
    folder: Path,
    index: CacheIndex,
    budget_s: float,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Compared:
    """Read shards whole, in an order drawn once for all, until all are or `budget_s` is over."""
    started_at = time.monotonic()
    damaged: list[str] = []
    n_shards = n_bytes = 0
    for row in np.random.default_rng(0).permutation(len(index)).tolist():
        if time.monotonic() - started_at > budget_s:
            break
        path = folder / str(index.file[row])
        try:
            check_shard(path)
            crc32, expected = read_header(path).crc32, int(index.crc32[row])
            if crc32 != expected:
                damaged.append(
                    f"{path}: found CRC {crc32:08x}, expected {expected:08x} as the index says"
                )
        except CacheError as error:
            damaged.append(str(error))
        n_shards += 1
        n_bytes += int(index.size_bytes[row])
        report(n_shards, len(index))
    return Compared(
        n_shards, len(index), n_bytes, time.monotonic() - started_at, tuple(sorted(damaged))
    )


def check_complete(coverage: Coverage, name: str, command: str) -> Check:
    """Whether training would find every recording prepared; `command` prepares what is not."""
    about, n_missing = "cache complete", len(coverage.unprepared) + len(coverage.outdated)
    if n_missing:
        parts = [
            f"{len(stems)} of {coverage.n_recordings} recordings of {name} {what} ({listed(stems)})"
            for stems, what in (
                (coverage.unprepared, "are not in the cache"),
                (coverage.outdated, "changed since they were prepared"),
            )
            if stems
        ]
        return Check(about, "fail", "; ".join(parts), command)
    if coverage.left_out:
        return Check(
            about,
            "warn",
            f"{len(coverage.left_out)} of {coverage.n_recordings} recordings of {name} cannot be "
            f"used: {'; '.join(coverage.left_out[:2])}",
            f"mend or remove them, then {command}",
        )
    return Check(about, "ok", f"{coverage.n_recordings} recordings of {name}, all prepared")


def check_intact(misplaced: tuple[str, ...], compared: Compared, command: str) -> Check:
    """Whether the shards are what was written; `command` makes the damaged ones again."""
    about = "cache intact"
    faults = tuple(dict.fromkeys((*misplaced, *compared.damaged)))
    if faults:
        return Check(
            about,
            "fail",
            f"{len(faults)} damaged shards: {listed(faults, at_most=2)}",
            f"{command} prepare.verify=true",
        )
    mb_s = compared.n_bytes / 1e6 / max(compared.seconds, 1e-3)
    read = f"{compared.n_shards} of {compared.n_in_all} shards"
    found = f"checksums of {read} compared ({compared.n_bytes / 1e9:.2f} GB, {mb_s:.0f} MB/s)"
    if mb_s < _SLOW_MB_S:
        return Check(
            about,
            "warn",
            f"{found}: slow to read",
            "put the cache on a faster disk, paths.cache=…, or make the memory of the page cache "
            "large enough to hold it",
        )
    if compared.n_shards < compared.n_in_all:
        found += f", a sample; {command} prepare.verify=true compares all"
    return Check(about, "ok", found)


def check_splits(index: CacheIndex, faults: tuple[str, ...]) -> Check:
    """Whether splits share no patient, and hold the seizures that learning and choosing need."""
    about = SPLITS
    try:
        index.audit()
    except PatientLeak as leak:
        return Check(about, "fail", str(leak), "give each patient one split, then prepare again")
    if faults:
        return Check(
            about, "fail", "; ".join(faults), "another split (corpus.split.…), or more recordings"
        )
    parts = []
    for split in ("train", "dev", "eval"):
        rows = index.rows(split).tolist()
        n_seizures = sum(len(index.events_of(row)) for row in rows)
        parts.append(f"{split} {index.hours(split):.1f} h with {n_seizures} seizures")
    return Check(about, "ok", f"{', '.join(parts)}; no patient in two")
