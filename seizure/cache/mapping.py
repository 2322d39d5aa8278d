"""Signals of a cache as views of memory-mapped files, without open file descriptors."""

import ctypes
import mmap
from pathlib import Path

import torch
from torch import Tensor

from seizure.cache.index import CacheIndex
from seizure.cache.shard import CacheError

_madvise = getattr(ctypes.CDLL(None), "madvise", None) if hasattr(mmap, "MADV_WILLNEED") else None
if _madvise is not None:
    _madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


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

    def will_need(self, row: int, start: int, stop: int) -> None:
        """Ask the system to read a window from disk now, without waiting for it.

        A window is one stretch per channel; unasked, a cold disk fetches them one after another.
        """
        if _madvise is None:
            return
        for channel in self.window(row, start, stop):
            first = channel.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
            n_bytes = channel.data_ptr() + channel.nbytes - first
            _madvise(first, n_bytes, mmap.MADV_WILLNEED)  # advice: a refusal changes no result

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
