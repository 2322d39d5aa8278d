"""Every frame of stitched tracks with its label: what ranking and calibration look at."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seizure.scoring.case import TrackedRecording
from seizure.scoring.timeline import TICKS_PER_S, seizure_ticks


class Frames(NamedTuple):
    """Frames of many recordings end to end, each second of EEG once, `(n_frames,)`.

    `probability` is float32 in [0, 1], `is_seizure` bool.
    """

    probability: NDArray[np.float32]
    is_seizure: NDArray[np.bool_]


def labelled_frames(recordings: Sequence[TrackedRecording]) -> Frames:
    """The frames of all recordings; a frame is seizure if its middle is in one.

    Raises `ValueError` for no recordings.
    """
    if not recordings:
        raise ValueError("there is no recording to take frames from")
    return Frames(
        np.concatenate([recording.track.probability for recording in recordings]),
        np.concatenate([frame_labels(recording) for recording in recordings]),
    )


def frame_labels(recording: TrackedRecording) -> NDArray[np.bool_]:
    """Whether the middle of each frame of the track is in a reference seizure, `(n_frames,)`."""
    track = recording.track
    seconds = seizure_ticks(recording.reference, recording.duration_s) / TICKS_PER_S
    # Frame i has its middle at (i + 1/2) / rate, so it is in [start, stop) from this frame on.
    bounds = np.ceil(seconds * track.rate_hz - 0.5).astype(np.int64)
    labels = np.zeros(track.n_frames, dtype=bool)
    for start, stop in bounds.tolist():
        labels[start:stop] = True
    return labels
