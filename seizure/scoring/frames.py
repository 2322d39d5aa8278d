"""Frames, clips and detections with their labels: what ranking and calibration look at."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seizure.scoring.calibration import scaled
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.labelled import Frames
from seizure.scoring.timeline import TICKS_PER_S, overlapped, seizure_ticks

# Some hours of EEG at a time: what is held does not grow with the number of recordings.
_GROUP_FRAMES = 1 << 19


def in_groups(
    recordings: Sequence[TrackedRecording], n_frames: int = _GROUP_FRAMES
) -> Iterator[Sequence[TrackedRecording]]:
    """Neighbouring recordings together, a new group once there are so many frames in one."""
    first, held = 0, 0
    for number, recording in enumerate(recordings, 1):
        held += recording.track.n_frames
        if held >= n_frames or number == len(recordings):
            yield recordings[first:number]
            first, held = number, 0


class LabelledFrames:
    """The frames of all recordings, in groups; a frame is seizure if its middle is in one.

    Raises `ValueError` for no recordings.
    """

    def __init__(self, recordings: Sequence[TrackedRecording]) -> None:
        if not recordings:
            raise ValueError("there is no recording to take frames from")
        self._recordings = recordings

    def __iter__(self) -> Iterator[Frames]:
        for group in in_groups(self._recordings):
            yield Frames(
                np.concatenate([recording.track.probability for recording in group]),
                np.concatenate([frame_labels(recording) for recording in group]),
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


def labelled_clips(recordings: Sequence[TrackedRecording], clip_s: float) -> Frames:
    """Clips of a length, cut from each recording's start without overlap; the last may be shorter.

    A clip is seizure if any of its frames is, and has the probability of its highest frame.
    `clip_s` of infinity makes one clip of each recording.
    """
    probability, is_seizure = [], []
    for recording in recordings:
        n_frames = recording.track.n_frames
        length = max(1, round(min(clip_s * recording.track.rate_hz, n_frames)))
        starts = np.arange(0, n_frames, length)
        probability.append(np.maximum.reduceat(recording.track.probability, starts))
        is_seizure.append(np.logical_or.reduceat(frame_labels(recording), starts))
    return Frames(np.concatenate(probability), np.concatenate(is_seizure))


def labelled_detections(
    recordings: Sequence[TrackedRecording], pairs: Sequence[Pair], temperature: float = 1.0
) -> Frames:
    """Each detected event with the mean probability of its frames, after a temperature.

    It is seizure if it overlaps one. `pairs` are of the same recordings in the same order.
    """
    probability, is_seizure = [np.empty(0)], [np.empty(0, dtype=bool)]
    for recording, pair in zip(recordings, pairs, strict=True):
        track = recording.track
        reference = seizure_ticks(pair.reference, pair.duration_s)
        hypothesis = seizure_ticks(pair.hypothesis, pair.duration_s)
        is_seizure.append(overlapped(*hypothesis.T, *reference.T))
        for start_s, stop_s in (hypothesis / TICKS_PER_S).tolist():
            first, last = round(start_s * track.rate_hz), int(np.ceil(stop_s * track.rate_hz))
            frames = track.probability[first:last]
            probability.append(np.atleast_1d(scaled(frames, temperature).mean()))
    return Frames(np.concatenate(probability), np.concatenate(is_seizure))
