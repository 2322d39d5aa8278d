"""One recording's turn in a build: found, checked, prepared or given up, under its own lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from seizure.cache.fingerprint import fingerprint
from seizure.cache.index import INDEX_FILE
from seizure.cache.left_out import left_out_file, remember
from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import (
    CacheError,
    ShardHeader,
    cannot_write,
    check_shard,
    read_header,
    write_shard,
)
from seizure.corpus.entry import Corpus, CorpusRecording
from seizure.eeg.filtering import Preprocessing

REPORT_FILE = "prepare.json"
_LOCKS = "locks"


@dataclass(frozen=True, eq=False)
class Task:
    """Which recording is to be in the cache; `place` is where it stands in the corpus.

    With `verify` its shard is read whole and compared with `known`, what the index says of it.
    Without `wait` it is handed back while another builder holds it.
    """

    place: int
    recording: CorpusRecording
    corpus: Corpus
    folder: Path
    preprocessing: Preprocessing
    known: ShardHeader | None = None
    verify: bool = False
    wait: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """What has become of a task: a header, or the `reason` why there is none.

    `damage` says what was wrong with the shard that was found; `held` that another builder has it.
    """

    place: int
    header: ShardHeader | None = None
    was_built: bool = False
    reason: str = ""
    damage: str = ""
    held: bool = False


def shard_file(recording: CorpusRecording) -> str:
    """Where the shard of a recording is, relative to the folder of the cache."""
    return f"{recording.split}/{recording.stem}.npz"


def settle(task: Task) -> Outcome:
    """Take a recording's lock and bring its shard up to date.

    Raises:
        CacheError: the cache cannot be written, which is no fault of the recording.
    """
    path = task.folder / shard_file(task.recording)
    try:
        with lock(task.folder, f"{path.parent.name}-{path.name}", wait=task.wait):
            return _settle_locked(task, path)
    except Timeout:
        return Outcome(task.place, held=True)


def _settle_locked(task: Task, path: Path) -> Outcome:
    recording = task.recording
    try:
        wanted = fingerprint(recording, task.preprocessing)
    except OSError as error:
        return Outcome(task.place, reason=f"{recording.edf}: {_plain(error)}")
    damage = _damage(task, path, wanted) if task.verify else ""
    if damage:
        path.unlink(missing_ok=True)  # whoever comes next makes it again, even if we are killed
    else:
        header = _current(path, wanted)
        if header is not None:
            return Outcome(task.place, header)
    try:
        events = task.corpus.events(recording)
        prepared = prepare_recording(recording, events, task.preprocessing)
    except (ValueError, OSError, MemoryError) as error:
        # A stale shard must not be taken for this recording later.
        path.unlink(missing_ok=True)
        reason = _plain(error)
        if isinstance(error, ValueError):  # the others may pass
            remember(task.folder, recording, wanted, reason)
        return Outcome(task.place, reason=reason, damage=damage)
    try:
        if fingerprint(recording, task.preprocessing) != wanted:
            raise ValueError(
                f"{recording.edf}: it or its annotation changed while it was read; give the same "
                "command again when nobody writes to it"
            )
    except (ValueError, OSError) as error:
        path.unlink(missing_ok=True)
        return Outcome(task.place, reason=_plain(error), damage=damage)
    left_out_file(task.folder, recording).unlink(missing_ok=True)
    prepared.meta["fingerprint"] = wanted
    write_shard(path, prepared)
    return Outcome(task.place, read_header(path), was_built=True, damage=damage)


def _current(path: Path, wanted: str) -> ShardHeader | None:
    """The header of a shard that an earlier or another builder left, if it is whole and current."""
    if not path.exists():
        return None
    try:
        header = read_header(path)
    except CacheError:
        return None
    return header if header.meta["fingerprint"] == wanted else None


def _damage(task: Task, path: Path, wanted: str) -> str:
    """What is wrong with a shard that should be whole and current; empty where nothing is."""
    known = task.known
    if not path.exists():
        return f"{path}: found no file, the index has it" if known is not None else ""
    if known is not None and known.size_bytes != path.stat().st_size:
        return (
            f"{path}: found {path.stat().st_size} bytes, expected {known.size_bytes} as the index "
            "says"
        )
    try:
        check_shard(path)
        header = read_header(path)
    except CacheError as error:
        return str(error)
    if header.meta["fingerprint"] != wanted:
        return ""  # out of date, not damaged
    if known is not None and header.crc32 != known.crc32:
        return (
            f"{path}: found a signal with CRC {header.crc32:08x}, expected {known.crc32:08x} as "
            "the index says"
        )
    return ""


def _plain(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file, though the corpus lists it"
    if isinstance(error, MemoryError):
        return f"found too little memory for it ({error}); try again with fewer prepare.jobs"
    return str(error)


@contextmanager
def lock(folder: Path, name: str, wait: bool = True) -> Iterator[None]:
    """Hold a lock of a cache; it falls with the process that holds it, however that ends.

    Raises:
        Timeout: somebody else holds it, and `wait` is false.
        CacheError: the lock cannot be written.
    """
    path = folder / _LOCKS / f"{name}.lock"
    held = FileLock(path, timeout=-1 if wait else 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout:
        raise
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        held.release()


def sweep_temporaries(folder: Path) -> None:
    """Remove what killed builders left; a file that a living one writes is under its lock."""
    for temporary in folder.glob("*/.*.npz.*.tmp"):
        shard = temporary.name[1:].rsplit(".", 2)[0]
        _remove_unless_locked(temporary, folder, f"{temporary.parent.name}-{shard}")
    for name in (INDEX_FILE, REPORT_FILE):
        for temporary in folder.glob(f".{name}.*.tmp"):
            _remove_unless_locked(temporary, folder, "index")


def _remove_unless_locked(temporary: Path, folder: Path, name: str) -> None:
    try:
        with lock(folder, name, wait=False):
            temporary.unlink(missing_ok=True)
    except Timeout:
        return
