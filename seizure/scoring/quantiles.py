"""Quantiles of more probabilities than should be sorted at once, exact."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The bits of a float32 in [0, 1] ascend with it and are fewer than 2**30: three digits of ten bits.
_DIGIT_BITS = 10
_DIGITS = 1 << _DIGIT_BITS


def closest_observations(
    groups: Iterable[NDArray[np.float32]], shares: ArrayLike
) -> NDArray[np.float32]:
    """The probabilities below which these shares of all lie, `(n_shares,)`, each one observed.

    Equal to `numpy.quantile` with `method="closest_observation"` on the groups end to end. Goes
    through the groups four times: counts the leading digit of all, then the next digit of those
    that share it with a wanted one, and so on (radix selection). Raises `ValueError` for none.

    >>> closest_observations([np.float32([0.5, 0.25]), np.float32([0.125])], [0.0, 0.5]).tolist()
    [0.125, 0.25]
    """
    n = sum(group.size for group in groups)
    if n == 0:
        raise ValueError("there is no probability to take a quantile of")
    rank = _ranks(n, np.atleast_1d(np.asarray(shares, dtype=np.float64)))
    leading = np.zeros(rank.size, dtype=np.uint32)
    for shift in (2 * _DIGIT_BITS, _DIGIT_BITS, 0):
        wanted = np.unique(leading)
        counts = np.zeros(wanted.size * _DIGITS, dtype=np.int64)
        for group in groups:
            # Adding zero makes -0.0 a 0.0, whose bits are in order.
            key = (group + np.float32(0)).view(np.uint32) >> np.uint32(shift)
            place = np.searchsorted(wanted, key >> np.uint32(_DIGIT_BITS))
            place = np.minimum(place, wanted.size - 1)
            shared = wanted[place] == key >> np.uint32(_DIGIT_BITS)
            digit = (key & np.uint32(_DIGITS - 1))[shared]
            counts += np.bincount(place[shared] * _DIGITS + digit, minlength=counts.size)
        reached = np.cumsum(counts.reshape(-1, _DIGITS), axis=1)[np.searchsorted(wanted, leading)]
        digit = (reached <= rank[:, None]).sum(axis=1)
        before = np.take_along_axis(reached, np.maximum(digit - 1, 0)[:, None], axis=1)[:, 0]
        rank = rank - np.where(digit > 0, before, 0)
        leading = (leading << np.uint32(_DIGIT_BITS)) | digit.astype(np.uint32)
    return leading.view(np.float32)


def _ranks(n: int, shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places among the sorted values, from 0. Source: Hyndman and Fan, 1996, definition 3."""
    place = n * shares - 1.5
    lower = np.floor(place)
    # Halfway between two, the one whose number from 1 is even.
    rank = np.where((place == lower) & (lower % 2 == 1), lower, lower + 1)
    return np.clip(rank, 0, n - 1).astype(np.int64)
