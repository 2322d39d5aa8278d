"""From a corpus to its cache: in parallel, resumable, and safe against being killed."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seizure.cache.fingerprint import fingerprint, preprocessing_hash
from seizure.cache.index import INDEX_FILE, CacheIndex
from seizure.cache.left_out import remembered
from seizure.cache.shard import CacheError, ShardHeader
from seizure.cache.task import Outcome, Task, lock, settle, shard_file, sweep_temporaries
from seizure.cache.workers import Part, Workers
from seizure.corpus.entry import Corpus, CorpusError, CorpusRecording
from seizure.eeg.filtering import Preprocessing

log = logging.getLogger("seizure")

Progress = Callable[[int, int, str], None]

_NAMED_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that is not in the cache, and why; or one that was damaged there, and how."""

    stem: str
    split: str
    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class BuildReport:
    """What a build has done; every recording of the corpus is in `index` or in `failures`.

    `damaged` are the shards that `verify` found different from what was written. `orphans` are
    shards whose recording is no longer in the corpus: left on disk, not in the index.
    """

    index: CacheIndex
    n_built: int
    n_reused: int
    failures: tuple[Failure, ...]
    orphans: tuple[Path, ...]
    damaged: tuple[Failure, ...] = ()

    @property
    def interpolated(self) -> dict[tuple[str, ...], int]:
        """How many recordings had which electrodes estimated, the most frequent first."""
        return _how_many(map(self.index.interpolated_in, range(len(self.index))))

    @property
    def masked(self) -> dict[tuple[str, ...], int]:
        """How many recordings lack which channels, the most frequent first."""
        return _how_many(map(self.index.masked_in, range(len(self.index))))


def _how_many(sets: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    return dict(Counter(names for names in sets if names).most_common())


def cache_folder(cache_root: Path, corpus_name: str, preprocessing: Preprocessing) -> Path:
    """Where the cache of a corpus lies: one folder per corpus and preprocessing."""
    return cache_root / corpus_name / preprocessing_hash(preprocessing)


def build_cache(
    corpus: Corpus,
    folder: Path,
    preprocessing: Preprocessing,
    workers: Workers | None = None,
    progress: Progress | None = None,
    verify: bool = False,
) -> BuildReport:
    """Prepare every recording that is not already in the cache, and write the index.

    Killed at any moment and run again, it continues; run once more, it does nothing. Two builders
    on one folder share the work. `verify` reads every shard whole and makes again what is damaged.
    `progress` gets (done, total, stem) after each recording.

    Raises:
        CacheError: no recording is usable, the disk is full, or a worker was killed.
        CorpusError: the corpus cannot give the montage, or holds a recording twice.
    """
    workers = workers or Workers()
    _refuse_montage(corpus, preprocessing)
    recordings = corpus.recordings()
    _refuse_same_file(recordings)
    old = _load_old(folder)
    known = {} if old is None else _known(old, recordings, preprocessing)
    headers = {} if verify else {i: known[i] for i in known if _is_there(folder, known[i])}
    reasons: dict[int, str] = {}
    tasks: list[Task] = []
    for place, recording in enumerate(recordings):
        if place in headers:
            continue
        reason = None if verify else remembered(folder, recording, preprocessing)
        if reason is None:
            found = known.get(place)
            tasks.append(Task(place, recording, corpus, folder, preprocessing, found, verify))
        else:
            reasons[place] = reason
    n_reused, n_built = len(headers), 0
    damages: dict[int, str] = {}
    for outcome in _settled(tasks, workers, (corpus.root, folder)) if tasks else ():
        if outcome.damage:
            damages[outcome.place] = outcome.damage
        if outcome.header is None:
            reasons[outcome.place] = outcome.reason
        else:
            headers[outcome.place] = outcome.header
            n_built += outcome.was_built
            n_reused += not outcome.was_built
        if progress is not None:
            progress(len(headers) + len(reasons), len(recordings), recordings[outcome.place].stem)
    failures = _failures(recordings, reasons)
    if not headers:
        raise CacheError(_nothing_usable(recordings, failures))
    index = CacheIndex.from_headers(
        (shard_file(recordings[i]), headers[i]) for i in sorted(headers)
    )
    if old is None or not old.equals(index):
        sweep_temporaries(folder)
        with lock(folder, "index"):
            index.save(folder / INDEX_FILE)
    expected = {folder / shard_file(recording) for recording in recordings}
    orphans = tuple(path for path in sorted(folder.glob("*/*.npz")) if path not in expected)
    return BuildReport(index, n_built, n_reused, failures, orphans, _failures(recordings, damages))


@dataclass(frozen=True)
class PartReport:
    """What one machine has done of a build: shards, and no index."""

    n_built: int
    n_reused: int
    failures: tuple[Failure, ...]


def build_part(
    corpus: Corpus,
    folder: Path,
    preprocessing: Preprocessing,
    part: Part,
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> PartReport:
    """Prepare the recordings of one part; the index is for `build_cache` to write, once for all.

    Raises:
        CacheError: the disk is full, or a worker was killed.
        CorpusError: the corpus cannot give the montage, or holds a recording twice.
    """
    _refuse_montage(corpus, preprocessing)
    recordings = corpus.recordings()
    _refuse_same_file(recordings)
    mine = part.of(recordings)
    tasks = [Task(place, r, corpus, folder, preprocessing) for place, r in enumerate(mine)]
    reasons: dict[int, str] = {}
    n_built = 0
    outcomes = _settled(tasks, workers or Workers(), (corpus.root, folder))
    for n_done, outcome in enumerate(outcomes, 1):
        n_built += outcome.was_built
        if outcome.header is None:
            reasons[outcome.place] = outcome.reason
        if progress is not None:
            progress(n_done, len(mine), mine[outcome.place].stem)
    return PartReport(n_built, len(mine) - n_built - len(reasons), _failures(mine, reasons))


def _settled(
    tasks: Sequence[Task], workers: Workers, folders: tuple[Path, Path]
) -> Iterator[Outcome]:
    """Every task's outcome; what another builder holds is passed over and comes last."""
    with lock(folders[1], "index"):  # makes the folder, or says why it cannot be written
        pass
    sweep_temporaries(folders[1])
    held: list[Task] = []
    by_place = {task.place: task for task in tasks}
    for outcome in workers.work_off(settle, tasks, folders):
        if outcome.held:
            held.append(replace(by_place[outcome.place], wait=True))
        else:
            yield outcome
    if held:
        log.info("waiting for %d recordings that another builder is preparing", len(held))
        yield from workers.work_off(settle, held, folders)


def _known(
    old: CacheIndex, recordings: Sequence[CorpusRecording], preprocessing: Preprocessing
) -> dict[int, ShardHeader]:
    """What the index says of each recording that has not changed since."""
    row_of = {file: row for row, file in enumerate(old.file.tolist())}
    prints = old.fingerprint.tolist()
    known: dict[int, ShardHeader] = {}
    for place, recording in enumerate(recordings):
        row = row_of.get(shard_file(recording))
        if row is None:
            continue
        try:
            wanted = fingerprint(recording, preprocessing)
        except OSError:
            continue  # its task says what is wrong
        if prints[row] == wanted:
            known[place] = old.header(row)
    return known


def _is_there(folder: Path, header: ShardHeader) -> bool:
    """Whether the shard is of the size that the index says; its bytes are `verify`'s business."""
    path = folder / f"{header.meta['split']}/{header.meta['stem']}.npz"
    return path.exists() and path.stat().st_size == header.size_bytes


def _load_old(folder: Path) -> CacheIndex | None:
    """The index of an earlier build; without a usable one the shards themselves are asked."""
    if not (folder / INDEX_FILE).exists():
        return None
    try:
        return CacheIndex.load(folder / INDEX_FILE)
    except CacheError as error:
        log.warning("%s; writing it again from the shards", error)
        return None


def _failures(
    recordings: Sequence[CorpusRecording], reasons: Mapping[int, str]
) -> tuple[Failure, ...]:
    """In the order of the corpus, whoever was done first."""
    chosen = ((recordings[place], reasons[place]) for place in sorted(reasons))
    return tuple(Failure(r.stem, r.split, r.edf, reason) for r, reason in chosen)


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
        file = shard_file(recording)
        if file in seen:
            raise CorpusError(f"found {recording.stem} twice in {recording.split}, expected once")
        seen.add(file)


def _nothing_usable(recordings: Sequence[CorpusRecording], failures: Sequence[Failure]) -> str:
    lines = [f"none of {len(recordings)} recordings is usable, expected at least one:"]
    lines += [f"  {failure.stem}: {failure.reason}" for failure in failures[:_NAMED_AT_MOST]]
    if len(failures) > _NAMED_AT_MOST:
        lines.append(f"  and {len(failures) - _NAMED_AT_MOST} more")
    return "\n".join(lines)
