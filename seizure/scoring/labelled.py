"""Probabilities beside what happened, in groups, so that memory does not grow with their number."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# (probability, is_seizure) of some frames each; gone through more than once, so no generator.
Groups = Iterable[tuple[ArrayLike, ArrayLike]]


class Frames(NamedTuple):
    """Frames, or longer pieces, of one or many recordings end to end, `(n_frames,)`.

    `probability` is a float in [0, 1], `is_seizure` bool.
    """

    probability: NDArray[np.floating]
    is_seizure: NDArray[np.bool_]


def checked(groups: Groups) -> Iterator[Frames]:
    """The groups, probabilities as float32.

    Raises `ValueError` where shapes differ, values are not probabilities, or there is no frame.
    """
    if iter(groups) is groups:
        raise TypeError("groups are gone through more than once: pass a list, not an iterator")
    n_frames = 0
    for probability, is_seizure in groups:
        p, label = np.asarray(probability, dtype=np.float32), np.asarray(is_seizure, dtype=bool)
        if p.shape != label.shape or p.ndim != 1:
            raise ValueError(
                f"expected as many labels as probabilities, found {label.shape}, {p.shape}"
            )
        if p.size and not (p.min() >= 0 and p.max() <= 1):
            raise ValueError(f"probabilities must be in [0, 1], found {p.min()} to {p.max()}")
        n_frames += p.size
        yield Frames(p, label)
    if n_frames == 0:
        raise ValueError("there is no frame to rank or to calibrate")
