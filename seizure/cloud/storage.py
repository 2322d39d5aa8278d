"""What lies on the storage of rented machines: its places, its runs, what a desk lacks of them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

# On the rented machine: the storage for all that is written, and the read-only raw recordings.
RESULTS, BUCKET = PurePosixPath("/results"), PurePosixPath("/data")


class StoredFile(Protocol):
    """A file of the storage: its path there, size in bytes, last change in seconds since 1970."""

    @property
    def path(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def mtime(self) -> float: ...


def run_lines(files: Iterable[StoredFile]) -> list[str]:
    """A line for each run among the storage's files, newest last; a sweep's runs one by one."""
    runs: dict[str, list[StoredFile]] = defaultdict(list)
    for file in files:
        parts = Path(file.path.lstrip("/")).parts
        if len(parts) > 2 and parts[0] == "runs":
            is_of_sweep = len(parts) > 3 and parts[2].isdecimal()
            runs["/".join(parts[1 : 3 if is_of_sweep else 2])].append(file)
    lines = []
    for name, of_run in sorted(runs.items(), key=lambda item: max(f.mtime for f in item[1])):
        changed = datetime.fromtimestamp(max(f.mtime for f in of_run), UTC)
        is_finished = any(Path(f.path).name == "finished" for f in of_run)
        size_mib = sum(f.size for f in of_run) / 2**20
        lines.append(
            f"{name:32} {'finished' if is_finished else 'unfinished':10} {size_mib:9.1f} MiB  "
            f"last change {changed:%Y-%m-%d %H:%M} UTC"
        )
    return lines or ["no runs yet"]


def wanted(files: Iterable[StoredFile], to: Path) -> list[tuple[StoredFile, Path]]:
    """The files of a run that are not here yet, or are larger, smaller or newer in the storage."""
    lacking = []
    for file in files:
        target = to / Path(file.path.lstrip("/")).relative_to("runs")
        here = target.stat() if target.is_file() else None
        if here is None or here.st_size != file.size or here.st_mtime < file.mtime:
            lacking.append((file, target))
    return lacking
