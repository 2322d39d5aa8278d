"""Signals of a cache as views of memory-mapped files, without open file descriptors."""

import ctypes
import mmap
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seizure.cache.index import CacheIndex
from seizure.cache.quantise import levels
from seizure.cache.shard import CacheError

_libc = ctypes.CDLL(None) if hasattr(mmap, "MADV_WILLNEED") else None
if _libc is not None:
    _libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    _libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)


class MappedSignals:
    """The int16 signals of a cache, each file mapped when it is first asked for.

    `numpy.memmap` keeps a descriptor per file open, and pickling one ships the whole array;
    `torch.from_file` keeps none, and here only the folder and the index are pickled.
    """

    def __init__(self, folder: Path, index: CacheIndex) -> None:
        self.folder = Path(folder)
        self.index = index
        self._signals: dict[int, Tensor] = {}

    def window(self, row: int, start: int, stop: int) -> Tensor:
        """Samples `[start, stop)` of a recording, `(channel, sample)` int16, as a view.

        Raises:
            IndexError: the window is not within the recording.
            CacheError: the shard is not the file that the index describes.
        """
        signal = self._signal(row)
        if not 0 <= start <= stop <= signal.shape[1]:
            raise IndexError(
                f"{self.index.stem[row]}: found window [{start}, {stop}), expected it within "
                f"[0, {signal.shape[1]})"
            )
        return signal[:, start:stop]

    def window_uv(self, row: int, start: int, stop: int) -> np.ndarray:
        """The same samples in µV, `(channel, sample)` float32; raises as `window`."""
        codes = self.window(row, start, stop).numpy()
        scale_uv = self.index.scale_uv[row][:, None]
        return (levels(codes, self.index.stretch[row]) * scale_uv).astype(np.float32)

    def will_need(self, row: int, start: int, stop: int) -> None:
        """Have a window read from disk in the background, unless it is in memory already.

        A window is one stretch per channel; unasked, a cold disk fetches them one after another.
        """
        window = self.window(row, start, stop)
        # Asking costs as much as copying what is there; one channel tells of all, since they are
        # always read together.
        if _libc is None or _is_in_memory(window[0]):
            return
        for channel in window:
            _libc.madvise(*_pages(channel), mmap.MADV_WILLNEED)  # a refusal changes no result

    def _signal(self, row: int) -> Tensor:
        signal = self._signals.get(row)
        if signal is None:
            signal = self._signals[row] = self._map(row)
        return signal

    def _map(self, row: int) -> Tensor:
        path = self.folder / str(self.index.file[row])
        expected_bytes = int(self.index.size_bytes[row])
        try:
            found_bytes = path.stat().st_size
        except FileNotFoundError:
            raise CacheError(f"{path}: no such shard; run python -m seizure.prepare") from None
        if found_bytes != expected_bytes:
            raise CacheError(
                f"{path}: found {found_bytes} bytes, expected {expected_bytes}; "
                "run python -m seizure.prepare to make it again"
            )
        first = int(self.index.signal_offset[row]) // 2
        shape = (len(self.index.channel_names), int(self.index.n_samples[row]))
        whole = torch.from_file(
            str(path), shared=False, size=first + shape[0] * shape[1], dtype=torch.int16
        )
        return whole[first:].view(shape)

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "index": self.index, "_signals": {}}


def _pages(stretch: Tensor) -> tuple[int, int]:
    """Address and length in bytes of the pages that hold a stretch of samples."""
    first = stretch.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
    return first, stretch.data_ptr() + stretch.nbytes - first


def _is_in_memory(stretch: Tensor) -> bool:
    """Whether no page of it has to come from disk; files of another user always count as there."""
    first, n_bytes = _pages(stretch)
    pages = ctypes.create_string_buffer(-(-n_bytes // mmap.PAGESIZE))
    found = _libc is not None and _libc.mincore(first, n_bytes, pages) == 0
    return found and all(page & 1 for page in pages.raw)
