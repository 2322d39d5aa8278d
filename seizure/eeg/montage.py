"""Montages: which differences of electrodes the later stages see."""

from collections.abc import Collection
from typing import Literal, get_args

import numpy as np

from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19

Montage = Literal["referential", "average", "bipolar"]
MissingPolicy = Literal["refuse", "interpolate_midline", "interpolate", "mask"]

MONTAGES: tuple[Montage, ...] = get_args(Montage)
MISSING_POLICIES: tuple[MissingPolicy, ...] = get_args(MissingPolicy)


def channels_of(montage: Montage) -> tuple[str, ...]:
    """The channels of a montage, in order.

    `referential` and `average` have the 19 electrodes of the 10-20 system, `bipolar` the 18
    derivations of the double banana.

    >>> len(channels_of("bipolar")), channels_of("bipolar")[0]
    (18, 'Fp1-F7')
    """
    return BIPOLAR_18 if montage == "bipolar" else CANONICAL_19


def without(channel_names: Collection[str], absent: Collection[str]) -> tuple[str, ...]:
    """The channels that an absent electrode, or derivation, has a part in.

    >>> without(BIPOLAR_18, ["Fp1"])
    ('Fp1-F7', 'Fp1-F3')
    """
    gone = set(absent)
    return tuple(n for n in channel_names if n in gone or not gone.isdisjoint(n.split("-")))


def derive(electrodes_uv: np.ndarray, montage: Montage, absent: Collection[str] = ()) -> np.ndarray:
    """A montage from the 19 electrodes: `(19, sample)` float32 to `(channel, sample)` float32.

    Whatever the electrodes were referred to cancels in `average` (the mean of the 19, interpolated
    ones included, is subtracted) and in `bipolar`. `absent` electrodes have no part in the mean;
    what stands in a channel that one has a part in means nothing.

    >>> import numpy as np
    >>> offset_uv = np.full((19, 4), 3000.0, np.float32)
    >>> [float(np.abs(derive(offset_uv, m)).max()) for m in ("average", "bipolar")]
    [0.0, 0.0]
    """
    if len(electrodes_uv) != len(CANONICAL_19):
        raise ValueError(
            f"found {len(electrodes_uv)} electrodes, expected the {len(CANONICAL_19)} of the "
            "10-20 system"
        )
    if montage == "referential":
        return electrodes_uv
    if montage == "average":
        there = electrodes_uv[~np.isin(CANONICAL_19, list(absent))] if absent else electrodes_uv
        mean_uv = there.mean(axis=0, dtype=np.float64)
        return electrodes_uv - mean_uv.astype(np.float32)
    pairs = (name.split("-") for name in BIPOLAR_18)
    return np.stack(
        [
            electrodes_uv[CANONICAL_19.index(first)] - electrodes_uv[CANONICAL_19.index(second)]
            for first, second in pairs
        ]
    )
