"""Estimates of missing electrodes from the present ones."""

from functools import lru_cache

import numpy as np

from seizure.eeg.channels import CANONICAL_19, POSITIONS

_HEAD_RADIUS_M = 0.095


@lru_cache
def spline_weights(absent: tuple[str, ...]) -> np.ndarray:
    """`(absent, present)` weights that estimate absent electrodes by spherical splines.

    Both axes are in the order of `CANONICAL_19`.

    Source: Perrin et al. 1989, EEG Clin Neurophysiol 72:184, as implemented by MNE.
    """
    # MNE takes a second to import and few recordings need it.
    import mne

    positions_m = dict(zip(CANONICAL_19, _HEAD_RADIUS_M * POSITIONS, strict=True))
    info = mne.create_info(list(CANONICAL_19), 1.0, "eeg", verbose="error")
    is_absent = np.isin(CANONICAL_19, absent)
    # The estimate is linear, so what it makes of unit vectors is the matrix itself.
    units = np.eye(len(CANONICAL_19))[:, ~is_absent]
    raw = mne.io.RawArray(units, info, verbose="error")
    raw.set_montage(mne.channels.make_dig_montage(positions_m, coord_frame="head"))
    raw.info["bads"] = [name for name in CANONICAL_19 if name in absent]
    raw.interpolate_bads(origin=np.zeros(3), verbose="error")  # pyright: ignore[reportArgumentType]
    weights = np.asarray(raw.get_data())[is_absent]
    weights.setflags(write=False)
    return weights
