"""The index of a cache: one column per fact about its recordings, in one file."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from seizure.cache.shard import (
    SCHEMA_VERSION,
    STATISTICS,
    CacheError,
    ShardHeader,
    read_header,
    replacing,
)
from seizure.corpus.split import SplitAudit, audit_splits

INDEX_FILE = "index.npz"
_COLUMN = "column_"  # numpy.savez has an argument of its own called `file`
_NEWEST = "masked"
_TEXT = ("stem", "patient", "session", "split", "file", "fingerprint")


@dataclass(frozen=True, eq=False)
class CacheIndex:
    """What is known of `n` recordings without opening their shards.

    Text columns are numpy strings `(n,)`; `file` is relative to the folder of the cache,
    `interpolated` names the electrodes that were estimated, with commas between them, `masked` the
    channels that hold no EEG. The
    statistics are `(n, channel)` float32, in µV but for `stretch`. The seizures of row `i` are
    `event_samples[event_start[i]:event_start[i + 1]]`, half-open intervals in samples.
    """

    stem: np.ndarray
    patient: np.ndarray
    session: np.ndarray
    split: np.ndarray
    file: np.ndarray
    fingerprint: np.ndarray
    interpolated: np.ndarray
    masked: np.ndarray
    n_samples: np.ndarray
    signal_offset: np.ndarray
    size_bytes: np.ndarray
    crc32: np.ndarray
    scale_uv: np.ndarray
    stretch: np.ndarray
    mean_uv: np.ndarray
    std_uv: np.ndarray
    median_uv: np.ndarray
    iqr_uv: np.ndarray
    event_start: np.ndarray
    event_samples: np.ndarray
    event_type: np.ndarray
    channel_names: tuple[str, ...]
    rate_hz: float

    def __len__(self) -> int:
        return len(self.stem)

    def rows(self, split: str) -> np.ndarray:
        """The rows of one split, int32, in the order of the corpus."""
        return np.flatnonzero(self.split == split).astype(np.int32)

    def events_of(self, row: int) -> np.ndarray:
        """The seizures of one recording, `(event, 2)` int64 samples."""
        return self.event_samples[self.event_start[row] : self.event_start[row + 1]]

    def event_types_of(self, row: int) -> np.ndarray:
        """The types of the seizures of one recording, `(event,)` uint8."""
        return self.event_type[self.event_start[row] : self.event_start[row + 1]]

    def interpolated_in(self, row: int) -> tuple[str, ...]:
        """The electrodes of one recording that were estimated from the others."""
        return tuple(str(self.interpolated[row]).split(",")) if self.interpolated[row] else ()

    def masked_in(self, row: int) -> tuple[str, ...]:
        """The channels of one recording that hold no EEG."""
        return tuple(str(self.masked[row]).split(",")) if self.masked[row] else ()

    def present(self) -> np.ndarray | None:
        """Which channels each recording has, `(n, channel)` bool; None where all have all."""
        if np.all(self.masked == ""):
            return None
        rows = [np.isin(self.channel_names, self.masked_in(row)) for row in range(len(self))]
        return ~np.stack(rows)

    def hours(self, split: str) -> float:
        """How much EEG one split holds."""
        return float(self.n_samples[self.rows(split)].sum()) / self.rate_hz / 3600

    def header(self, row: int) -> ShardHeader:
        """What is known of one shard, as if read from its file."""
        meta = {name: str(getattr(self, name)[row]) for name in _TEXT if name != "file"}
        meta |= {"channel_names": self.channel_names, "rate_hz": self.rate_hz}
        meta["interpolated"] = self.interpolated_in(row)
        meta["masked"] = self.masked_in(row)
        return ShardHeader(
            n_samples=int(self.n_samples[row]),
            signal_offset=int(self.signal_offset[row]),
            size_bytes=int(self.size_bytes[row]),
            crc32=int(self.crc32[row]),
            statistics={name: getattr(self, name)[row] for name in STATISTICS},
            events=self.events_of(row),
            event_type=self.event_types_of(row),
            meta=meta,
        )

    def equals(self, other: "CacheIndex") -> bool:
        """Whether every column is the same."""
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
        )

    def audit(self) -> SplitAudit:
        """What is in each split; raises if a patient, a name or a signal is in two of them."""
        return audit_splits(
            [
                _Named(str(stem), str(patient), str(split))
                for stem, patient, split in zip(self.stem, self.patient, self.split, strict=True)
            ],
            hours=(self.n_samples / (self.rate_hz * 3600)).tolist(),
            contents=list(zip(self.n_samples.tolist(), self.crc32.tolist(), strict=True)),
        )

    def save(self, path: Path) -> None:
        """Write the index in one step; a reader sees the old one or the new one, never a half."""
        columns: dict[str, Any] = {
            _COLUMN + field.name: np.asarray(getattr(self, field.name)) for field in fields(self)
        }
        with replacing(path) as file:
            np.savez(file, schema_version=np.asarray(SCHEMA_VERSION), **columns)

    @classmethod
    def load(cls, path: Path) -> "CacheIndex":
        """The index of a cache; `path` is its file or the folder that holds it.

        Raises:
            CacheError: there is none, or it is damaged or of another version.
        """
        path = path / INDEX_FILE if path.is_dir() else path
        try:
            with np.load(path, allow_pickle=False) as archive:
                version = int(archive["schema_version"])
                if version != SCHEMA_VERSION:
                    raise CacheError(
                        f"{path}: found schema version {version}, expected {SCHEMA_VERSION}; "
                        "run python -m seizure.prepare"
                    )
                names = {field.name for field in fields(cls)}
                if _COLUMN + _NEWEST not in archive:  # written before electrodes could be masked
                    names.remove(_NEWEST)
                columns = {name: archive[_COLUMN + name] for name in names}
                columns.setdefault(_NEWEST, np.full(len(columns["stem"]), ""))
        except FileNotFoundError:
            raise CacheError(
                f"{path}: no index, so no cache here; run python -m seizure.prepare"
            ) from None
        except CacheError:
            raise
        except (
            BadZipFile, zlib.error, KeyError, ValueError, EOFError, OSError, RuntimeError,
            TypeError, OverflowError, MemoryError,
        ) as error:  # fmt: skip
            raise CacheError(
                f"{path}: damaged index ({error}); run python -m seizure.prepare to write it again"
            ) from error
        columns["channel_names"] = tuple(columns["channel_names"].tolist())
        columns["rate_hz"] = float(columns["rate_hz"])
        return cls(**columns)

    @classmethod
    def from_headers(cls, entries: Iterable[tuple[str, ShardHeader]]) -> "CacheIndex":
        """An index from the relative file names and headers of shards, in the given order.

        Raises:
            CacheError: no shard at all, or shards with different channels or rates.
        """
        files, headers = [], []
        for file, header in entries:
            files.append(file)
            headers.append(header)
        if not headers:
            raise CacheError("found no shard to index, expected at least one")
        layouts = {(tuple(h.meta["channel_names"]), float(h.meta["rate_hz"])) for h in headers}
        if len(layouts) > 1:
            raise CacheError(
                f"found shards with different channels or rates in one cache: {sorted(layouts)}; "
                "delete the folder and prepare again"
            )
        channel_names, rate_hz = layouts.pop()

        def column(value: Callable[[ShardHeader], int], dtype: type) -> np.ndarray:
            return np.asarray([value(header) for header in headers], dtype)

        n_events = column(lambda h: len(h.events), np.int64)
        return cls(
            **{
                name: np.asarray([h.meta[name] for h in headers])
                for name in _TEXT
                if name != "file"
            },
            file=np.asarray(files),
            interpolated=np.asarray([",".join(h.meta.get("interpolated", ())) for h in headers]),
            masked=np.asarray([",".join(h.meta.get("masked", ())) for h in headers]),
            n_samples=column(lambda h: h.n_samples, np.int64),
            signal_offset=column(lambda h: h.signal_offset, np.int64),
            size_bytes=column(lambda h: h.size_bytes, np.int64),
            crc32=column(lambda h: h.crc32, np.uint32),
            **{name: np.stack([h.statistics[name] for h in headers]) for name in STATISTICS},
            event_start=np.concatenate([[0], np.cumsum(n_events)]),
            event_samples=np.concatenate([h.events.reshape(-1, 2) for h in headers]),
            event_type=np.concatenate([h.event_type for h in headers]),
            channel_names=channel_names,
            rate_hz=rate_hz,
        )

    @classmethod
    def rebuild(cls, folder: Path) -> "CacheIndex":
        """The index from the headers of every shard of a folder, without touching the corpus."""
        paths = sorted(folder.glob("*/*.npz"))
        return cls.from_headers((str(p.relative_to(folder)), read_header(p)) for p in paths)


@dataclass(frozen=True, slots=True)
class _Named:
    stem: str
    patient: str
    split: str
