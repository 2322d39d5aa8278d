"""The bytes of an EDF file, gzip-compressed or not."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from seizure.eeg.recording import UnreadableRecording

_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, decompressed on the way; whatever the disk or gzip reports becomes a refusal.

    Raises:
        UnreadableRecording: the file is not there, cannot be read, or its gzip stream is damaged.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) != _GZIP:
                file.seek(0)
                yield file
                return
        with gzip.open(path) as stream:
            yield cast("BinaryIO", stream)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableRecording(
            path, f"damaged gzip stream ({error}); copy the file again"
        ) from error
    except OSError as error:
        raise UnreadableRecording(path, f"cannot be opened ({error.strerror})") from error


def count_bytes(path: Path) -> int:
    """How long the file is, uncompressed; a compressed one is read to its checksum for that."""
    with opened(path) as file:
        if not isinstance(file, gzip.GzipFile):
            return path.stat().st_size
        n_bytes = 0
        while block := file.read(_BLOCK_BYTES):
            n_bytes += len(block)
        return n_bytes
