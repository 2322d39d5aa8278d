"""From a corpus to its cache: in parallel, resumable, and safe against being killed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from seizure.cache.fingerprint import fingerprint, preprocessing_hash
from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import CacheError, ShardHeader, read_header, write_shard
from seizure.corpus.entry import Corpus, CorpusError, CorpusRecording
from seizure.eeg.filtering import Preprocessing

Progress = Callable[[int, int, str], None]

_NAMED_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that is not in the cache, and why."""

    stem: str
    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class BuildReport:
    """What a build has done; printing it gives one line and one more for each failure.

    `interpolated` counts, per set of electrodes, the recordings that lacked them and got estimates.

    `orphans` are shards whose recording is no longer in the corpus: left on disk, not in the index.
    """

    index: CacheIndex
    n_built: int
    n_reused: int
    failures: tuple[Failure, ...]
    orphans: tuple[Path, ...]

    @property
    def interpolated(self) -> dict[tuple[str, ...], int]:
        """How many recordings had which electrodes estimated, the most frequent first."""
        sets = (self.index.interpolated_in(row) for row in range(len(self.index)))
        return dict(Counter(names for names in sets if names).most_common())

    def __str__(self) -> str:
        lines = [
            f"{len(self.index)} recordings in the cache: {self.n_built} prepared now, "
            f"{self.n_reused} already there; {len(self.failures)} failed"
        ]
        lines += [f"  failed {failure.stem}: {failure.reason}" for failure in self.failures]
        lines += [
            f"  interpolated {', '.join(names)} in {count} recordings"
            for names, count in self.interpolated.items()
        ]
        if self.orphans:
            lines.append(f"  {len(self.orphans)} shards belong to no recording of the corpus")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What a worker hands back: a header or a reason."""

    place: int
    header: ShardHeader | None
    was_built: bool
    reason: str = ""


def cache_folder(cache_root: Path, corpus_name: str, preprocessing: Preprocessing) -> Path:
    """Where the cache of a corpus lies: one folder per corpus and preprocessing."""
    return cache_root / corpus_name / preprocessing_hash(preprocessing)


def build_cache(
    corpus: Corpus,
    folder: Path,
    preprocessing: Preprocessing,
    jobs: int = 2,
    progress: Progress | None = None,
) -> BuildReport:
    """Prepare every recording that is not already in the cache, and write the index.

    Killed at any moment and run again, it continues; run once more, it does nothing. Two builders
    on one folder share the work. `progress` gets (done, total, stem) after each recording.

    Raises:
        CacheError: no recording is usable, or a worker was killed.
        CorpusError: the corpus cannot give the montage, or holds a recording twice.
    """
    _refuse_montage(corpus, preprocessing)
    recordings = corpus.recordings()
    _refuse_same_file(recordings)
    (folder / "locks").mkdir(parents=True, exist_ok=True)
    _sweep_temporaries(folder)
    old = _load_old(folder)
    prints = [_fingerprint_or_none(recording, preprocessing) for recording in recordings]
    headers: dict[int, ShardHeader] = {}
    if old is not None:
        headers = _reusable(folder, old, recordings, prints)
    n_reused = len(headers)
    reasons: dict[int, str] = {}
    todo = [place for place in range(len(recordings)) if place not in headers]
    tasks = [(corpus, recordings[i], folder, preprocessing, i, prints[i]) for i in todo]
    n_built = 0
    for n_done, outcome in enumerate(_run(tasks, jobs), start=n_reused + 1):
        if outcome.header is None:
            reasons[outcome.place] = outcome.reason
        else:
            headers[outcome.place] = outcome.header
            n_built += outcome.was_built
            n_reused += not outcome.was_built
        if progress is not None:
            progress(n_done, len(recordings), recordings[outcome.place].stem)
    failures = tuple(
        Failure(recordings[i].stem, recordings[i].edf, reasons[i]) for i in sorted(reasons)
    )
    if not headers:
        raise CacheError(_nothing_usable(recordings, failures))
    index = CacheIndex.from_headers(
        (_shard_file(recordings[i]), headers[i]) for i in sorted(headers)
    )
    if old is None or not old.equals(index):
        with FileLock(folder / "locks" / "index.lock"):
            index.save(folder / INDEX_FILE)
    expected = {folder / _shard_file(recording) for recording in recordings}
    orphans = tuple(path for path in sorted(folder.glob("*/*.npz")) if path not in expected)
    return BuildReport(index, n_built, n_reused, failures, orphans)


def _run(tasks: list[tuple], jobs: int) -> Iterator[_Outcome]:
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            yield _prepare_one(*task)
        return
    try:
        # One thread a worker: the workers themselves are the parallelism.
        with parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
            outcomes = Parallel(return_as="generator_unordered")(
                delayed(_prepare_one)(*task) for task in tasks
            )
            yield from cast("Iterator[_Outcome]", outcomes)
    except TerminatedWorkerError as error:
        raise CacheError(
            "a worker was killed while it prepared recordings, most likely for want of memory; "
            "run the same command with fewer jobs, it continues"
        ) from error


def _prepare_one(
    corpus: Corpus,
    recording: CorpusRecording,
    folder: Path,
    preprocessing: Preprocessing,
    place: int,
    wanted: str | None,
) -> _Outcome:
    if wanted is None:
        return _Outcome(place, None, False, f"{recording.edf}: no such file")
    path = folder / _shard_file(recording)
    with FileLock(_lock_path(folder, path)):
        header = _finished(path, wanted)
        if header is not None:
            return _Outcome(place, header, False)
        try:
            prepared = prepare_recording(recording, corpus.events(recording), preprocessing)
        except (ValueError, OSError) as error:
            # A stale shard must not be taken for this recording later.
            path.unlink(missing_ok=True)
            return _Outcome(place, None, False, str(error))
        prepared.meta["fingerprint"] = wanted
        write_shard(path, prepared)  # a full disk is no fault of the recording: it stops the build
        return _Outcome(place, read_header(path), True)


def _finished(path: Path, wanted: str) -> ShardHeader | None:
    """The header of a shard that an interrupted or another builder left, if it is current."""
    if not path.exists():
        return None
    try:
        header = read_header(path)
    except CacheError:
        return None
    return header if header.meta["fingerprint"] == wanted else None


def _reusable(
    folder: Path,
    old: CacheIndex,
    recordings: Sequence[CorpusRecording],
    prints: Sequence[str | None],
) -> dict[int, ShardHeader]:
    """The recordings whose shard is there, of the indexed size and with the wanted fingerprint."""
    row_of = {file: row for row, file in enumerate(old.file.tolist())}
    sizes, old_prints = old.size_bytes.tolist(), old.fingerprint.tolist()
    headers: dict[int, ShardHeader] = {}
    for place, (recording, wanted) in enumerate(zip(recordings, prints, strict=True)):
        file = _shard_file(recording)
        row = row_of.get(file)
        if row is None or old_prints[row] != wanted:
            continue
        try:
            n_bytes = (folder / file).stat().st_size
        except FileNotFoundError:
            continue
        if n_bytes == sizes[row]:
            headers[place] = old.header(row)
    return headers


def _load_old(folder: Path) -> CacheIndex | None:
    """The index of an earlier build; without a usable one the shards themselves are asked."""
    try:
        return CacheIndex.load(folder / INDEX_FILE)
    except CacheError:
        return None


def _fingerprint_or_none(recording: CorpusRecording, preprocessing: Preprocessing) -> str | None:
    try:
        return fingerprint(recording, preprocessing)
    except FileNotFoundError:
        return None


def _shard_file(recording: CorpusRecording) -> str:
    return f"{recording.split}/{recording.stem}.npz"


def _lock_path(folder: Path, shard: Path) -> Path:
    return folder / "locks" / f"{shard.parent.name}-{shard.name}.lock"


def _sweep_temporaries(folder: Path) -> None:
    """Remove what killed builders left; a file that a living one writes is under its lock."""
    for temporary in folder.glob("*/.*.npz.*.tmp"):
        shard = temporary.with_name(temporary.name[1:].rsplit(".", 2)[0])
        _remove_unless_locked(temporary, _lock_path(folder, shard))
    for temporary in folder.glob(f".{INDEX_FILE}.*.tmp"):
        _remove_unless_locked(temporary, folder / "locks" / "index.lock")


def _remove_unless_locked(temporary: Path, lock: Path) -> None:
    try:
        with FileLock(lock, timeout=0):
            temporary.unlink(missing_ok=True)
    except Timeout:
        return


def _refuse_montage(corpus: Corpus, preprocessing: Preprocessing) -> None:
    if preprocessing.montage not in corpus.montages:
        can = " or ".join(corpus.montages)
        raise CorpusError(
            f"{corpus.name}: found preprocess.montage={preprocessing.montage}, but its recordings "
            f"can only give {can}: a difference of electrodes does not tell the electrodes; set "
            f"preprocess={corpus.montages[0]}"
        )


def _refuse_same_file(recordings: Sequence[CorpusRecording]) -> None:
    seen: set[str] = set()
    for recording in recordings:
        file = _shard_file(recording)
        if file in seen:
            raise CorpusError(f"found {recording.stem} twice in {recording.split}, expected once")
        seen.add(file)


def _nothing_usable(recordings: Sequence[CorpusRecording], failures: Sequence[Failure]) -> str:
    lines = [f"none of {len(recordings)} recordings is usable, expected at least one:"]
    lines += [f"  {failure.stem}: {failure.reason}" for failure in failures[:_NAMED_AT_MOST]]
    if len(failures) > _NAMED_AT_MOST:
        lines.append(f"  and {len(failures) - _NAMED_AT_MOST} more")
    return "\n".join(lines)
