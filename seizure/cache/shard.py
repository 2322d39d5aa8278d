"""One prepared recording on disk: an uncompressed NPZ whose arrays can be mapped into memory."""

import io
import json
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seizure.cache.quantise import levels

SCHEMA_VERSION = 2

_ALIGNMENT = 64
_LOCAL_HEADER_BYTES = 30
_ZIP64_EXTRA_BYTES = 20
# The extra field that Android's zipalign uses for the same purpose.
_PADDING_ID = 0xD935
# What is kept of each channel, beside its samples.
STATISTICS = ("scale_uv", "stretch", "mean_uv", "std_uv", "median_uv", "iqr_uv")
_MEMBERS = ("signal", *STATISTICS, "events", "event_type", "meta")


class CacheError(RuntimeError):
    """A cache that cannot be built, or whose files are not what its index says."""


@dataclass(frozen=True, eq=False)
class PreparedRecording:
    """A filtered recording as the cache stores it.

    `signal` is `(channel, sample)` int16 in codes, see cache/quantise.py; `signal_uv` is µV. The
    statistics are `(channel,)` float32, in µV but for `stretch`. `events` is `(event, 2)` int64
    half-open intervals in samples, `event_type` `(event,)` uint8, an index into
    `seizure.eeg.annotation.SEIZURE_TYPES`.
    """

    signal: np.ndarray
    scale_uv: np.ndarray
    stretch: np.ndarray
    mean_uv: np.ndarray
    std_uv: np.ndarray
    median_uv: np.ndarray
    iqr_uv: np.ndarray
    events: np.ndarray
    event_type: np.ndarray
    meta: dict[str, Any]

    @property
    def start(self) -> datetime | None:
        """When the recording began, in local time; None where its file did not say."""
        return _start(self.meta)

    @property
    def signal_uv(self) -> np.ndarray:
        """The signal in µV, `(channel, sample)` float32."""
        return (levels(self.signal, self.stretch) * self.scale_uv[:, None]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ShardHeader:
    """Everything of a shard but its signal, and where in the file the signal is."""

    n_samples: int
    signal_offset: int
    size_bytes: int
    crc32: int
    statistics: dict[str, np.ndarray]
    events: np.ndarray
    event_type: np.ndarray
    meta: dict[str, Any]

    @property
    def start(self) -> datetime | None:
        """When the recording began, in local time; None where its file did not say."""
        return _start(self.meta)


def _start(meta: dict[str, Any]) -> datetime | None:
    stated = meta.get("start")
    return None if stated is None else datetime.fromisoformat(stated)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` in one step when the block ends without an error.

    Raises:
        CacheError: it cannot be written, as on a full disk; what was there before still is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


def cannot_write(path: Path, error: OSError) -> CacheError:
    """The error of a cache on a full, read-only or foreign disk."""
    there = next((folder for folder in path.parents if folder.exists()), Path())
    return CacheError(
        f"{path}: cannot be written ({error.strerror}), {shutil.disk_usage(there).free / 1e6:.0f} "
        "MB are free there; make room or set paths.cache, then give the same command again: it "
        "continues"
    )


def _sync_folder(folder: Path) -> None:
    """Without it the renaming itself may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_shard(path: Path, prepared: PreparedRecording) -> None:
    """Write a shard that is either whole or absent, whatever kills the process."""
    members = {name: getattr(prepared, name) for name in _MEMBERS[:-1]}
    meta = json.dumps({"schema_version": SCHEMA_VERSION, **prepared.meta}, ensure_ascii=False)
    members["meta"] = np.frombuffer(meta.encode(), np.uint8)
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, values in members.items():
            _write_member(archive, file, name, np.ascontiguousarray(values))


def read_shard(path: Path) -> PreparedRecording:
    """A whole shard in memory; the checksum of every array is verified on the way.

    Raises:
        CacheError: the file is not a whole shard of this version.
    """
    with _opened(path) as archive:
        return PreparedRecording(
            **{name: _read_member(archive, name) for name in _MEMBERS[:-1]},
            meta=_read_meta(path, archive),
        )


def read_header(path: Path) -> ShardHeader:
    """What the index needs to know of a shard; the signal itself is not read.

    Raises:
        CacheError: the file is not a whole shard of this version.
    """
    with _opened(path) as archive:
        meta = _read_meta(path, archive)
        member = archive.getinfo("signal.npy")
        with archive.open(member) as file:
            shape, fortran_order, dtype = _read_npy_header(file)
            npy_header_bytes = file.tell()
        offset = _data_offset(path, member) + npy_header_bytes
        if dtype != np.int16 or fortran_order or len(shape) != 2 or offset % _ALIGNMENT:
            raise CacheError(
                f"{path}: found signal {dtype} {shape} at byte {offset}, expected int16 "
                f"(channel, sample) at a multiple of {_ALIGNMENT}; delete it and prepare again"
            )
        return ShardHeader(
            n_samples=shape[1],
            signal_offset=offset,
            size_bytes=path.stat().st_size,
            crc32=member.CRC,
            statistics={name: _read_member(archive, name) for name in STATISTICS},
            events=_read_member(archive, "events"),
            event_type=_read_member(archive, "event_type"),
            meta=meta,
        )


def signal_offset(path: Path) -> int:
    """The byte of the file at which the int16 samples start, a multiple of 64."""
    return read_header(path).signal_offset


def check_shard(path: Path) -> None:
    """Read a whole shard and compare every array with its checksum.

    Raises:
        CacheError: names the file, the array, what was found and what was expected.
    """
    with _opened(path) as archive:
        for name in _MEMBERS:
            member = archive.getinfo(f"{name}.npy")
            # What is mapped does not go by these, but numpy.load does.
            if member.compress_type != zipfile.ZIP_STORED or (
                member.compress_size != member.file_size
            ):
                raise CacheError(
                    f"{path}: found {name} with {member.compress_size} bytes by method "
                    f"{member.compress_type}, expected {member.file_size} bytes as they are"
                )
            found = _crc32(path, member)
            if found != member.CRC:
                raise CacheError(
                    f"{path}: found {name} with CRC {found:08x}, expected {member.CRC:08x} as it "
                    "was written"
                )
    read_header(path)


def _crc32(path: Path, member: zipfile.ZipInfo) -> int:
    """The checksum of the bytes that are mapped, without `zipfile` in between."""
    crc32, n_left = 0, member.file_size
    with path.open("rb") as file:
        file.seek(_data_offset(path, member))
        while n_left and (block := file.read(min(n_left, 1 << 20))):
            crc32 = zlib.crc32(block, crc32)
            n_left -= len(block)
    return crc32


def _write_member(archive: zipfile.ZipFile, file: BinaryIO, name: str, values: np.ndarray) -> None:
    """The NPY header is a multiple of 64 bytes long, so aligning its start aligns the data."""
    info = zipfile.ZipInfo(f"{name}.npy")
    info.file_size = values.nbytes
    before = file.tell() + _LOCAL_HEADER_BYTES + len(info.filename) + _ZIP64_EXTRA_BYTES
    n_padding = -(before + 4) % _ALIGNMENT
    info.extra = struct.pack("<HH", _PADDING_ID, n_padding) + bytes(n_padding)
    with archive.open(info, "w", force_zip64=True) as member:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, np.lib.format.header_data_from_array_1_0(values)
        )
        member.write(header.getvalue())
        member.write(values.data.cast("B") if values.size else b"")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with its bytes becomes a CacheError that names the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except CacheError:
        raise
    except (
        zipfile.BadZipFile, zlib.error, struct.error, KeyError, OSError, EOFError, ValueError,
        RuntimeError, TypeError, MemoryError, OverflowError,
    ) as error:  # fmt: skip
        raise CacheError(
            f"{path}: not a whole shard ({error}); delete the file and prepare again"
        ) from error


def _read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_meta(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    meta = json.loads(_read_member(archive, "meta").tobytes())
    if meta["schema_version"] != SCHEMA_VERSION:
        raise CacheError(
            f"{path}: found schema version {meta['schema_version']}, expected {SCHEMA_VERSION}; "
            "prepare the cache again"
        )
    return meta


def _read_npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    np.lib.format.read_magic(file)
    return np.lib.format.read_array_header_1_0(file)


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Only the local header knows how long its own extra field is."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        n_name, n_extra = struct.unpack("<HH", file.read(_LOCAL_HEADER_BYTES)[26:30])
    return member.header_offset + _LOCAL_HEADER_BYTES + n_name + n_extra
