"""Memory for a batch's EEG: used again once nobody holds it, or shared where a worker fills it."""

import math
import weakref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

# One that is learnt from, one fetched ahead, one being filled.
_AT_MOST = 3


class BatchMemory:
    """Lends int16 tensors, contents undefined.

    Above 32 MB (55 windows of 60 s) the C library gives memory back to the system when it is freed,
    and the system hands out each page anew, zeroed: filling a batch took 1.8 times as long. So up
    to three arrays are kept; whoever holds a tensor, or a part of one, keeps it from being lent.

    >>> memory = BatchMemory()
    >>> first = memory.lend((2, 3)).fill_(7)
    >>> memory.lend((2, 3)).fill_(8).sum().item(), first.sum().item()
    (48, 42)
    """

    def __init__(self) -> None:
        self._kept: list[NDArray[np.int16]] = []
        self._lent: list[weakref.ref[NDArray[np.int16]]] = []

    def lend(self, shape: tuple[int, ...]) -> Tensor:
        """A tensor of this shape that nobody else has; in a loader's worker in shared memory."""
        n_samples = math.prod(shape)
        if get_worker_info() is not None:
            # What torch's own collate function does; there is no public call for it.
            storage = torch.UntypedStorage._new_shared(2 * n_samples)
            return torch.empty(0, dtype=torch.int16).set_(storage).view(shape)  # pyright: ignore
        place = self._free_place(n_samples)
        if place is None:
            return torch.from_numpy(np.empty(shape, np.int16))
        # The tensor and all parts of it keep this view alive, and nothing else does.
        view = self._kept[place][:n_samples].reshape(shape)
        self._lent[place] = weakref.ref(view)
        return torch.from_numpy(view)

    def _free_place(self, n_samples: int) -> int | None:
        """Which array to lend, made where there is none; None where as many as are kept are out."""
        for place, lent in enumerate(self._lent):
            if lent() is None:
                if len(self._kept[place]) < n_samples:
                    self._kept[place] = np.empty(n_samples, np.int16)
                return place
        if len(self._kept) == _AT_MOST:
            return None
        self._kept.append(np.empty(n_samples, np.int16))
        self._lent.append(weakref.ref(self._kept[-1]))
        return len(self._kept) - 1

    def __reduce__(self) -> tuple[type["BatchMemory"], tuple[()]]:
        return BatchMemory, ()
