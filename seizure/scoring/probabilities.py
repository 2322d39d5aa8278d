"""How well probabilities rank and how well they are calibrated, each figure with its unit."""

from collections.abc import Sequence
from dataclasses import dataclass

from seizure.scoring.calibration import Reliability, brier, reliability
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.frames import LabelledFrames, labelled_clips, labelled_detections
from seizure.scoring.labelled import Groups, checked
from seizure.scoring.ranking import auprc, auroc

# The lengths of clips that papers on clips rank.
CLIPS_S = (12.0, 60.0)
# A detector makes tens of detections where it makes a million frames.
_BINS_OF_DETECTIONS = 5


@dataclass(frozen=True)
class Ranking:
    """How well one unit is ranked; None where a class is missing."""

    unit: str
    n: int
    seizure_share: float
    auroc: float | None
    auprc: float | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """How well one unit's probabilities agree with what happened; temperature 1 is as they are."""

    unit: str
    temperature: float
    n: int
    seizure_share: float
    brier: float
    equal_width: Reliability
    equal_mass: Reliability


def rankings(recordings: Sequence[TrackedRecording]) -> tuple[Ranking, ...]:
    """Ranking of frames, of clips by their highest frame, and of whole recordings by theirs."""
    units: list[tuple[str, Groups]] = [(_frame(recordings), LabelledFrames(recordings))]
    units += [
        (f"clip of {clip_s:g} s, highest frame", [labelled_clips(recordings, clip_s)])
        for clip_s in CLIPS_S
    ]
    units.append(("recording, highest frame", [labelled_clips(recordings, float("inf"))]))
    return tuple(
        Ranking(unit, *_size(groups), auroc=auroc(groups), auprc=auprc(groups))
        for unit, groups in units
    )


def calibrations(
    recordings: Sequence[TrackedRecording], pairs: Sequence[Pair], temperature: float | None
) -> tuple[Calibration, ...]:
    """Calibration of frames and of detections, as they are and after a temperature if there is one.

    Without a detection there is none of detections.
    """
    temperatures = (1.0,) if temperature is None else (1.0, temperature)
    unit, frames = _frame(recordings), LabelledFrames(recordings)
    found = [_calibration(unit, value, frames, 15, value) for value in temperatures]
    for value in temperatures:
        # A detection's probability is the mean of its frames, each after the temperature.
        detections = labelled_detections(recordings, pairs, value)
        if detections.is_seizure.size:
            unit = "detection, mean of its frames"
            found.append(_calibration(unit, value, [detections], _BINS_OF_DETECTIONS))
    return tuple(found)


def _frame(recordings: Sequence[TrackedRecording]) -> str:
    return f"frame of 1/{recordings[0].track.rate_hz:g} s"


def _size(groups: Groups) -> tuple[int, float]:
    """How many pieces there are, and the share of seizure among them."""
    n = n_seizure = 0
    for _, label in checked(groups):
        n, n_seizure = n + label.size, n_seizure + int(label.sum())
    return n, n_seizure / n


def _calibration(
    unit: str, temperature: float, groups: Groups, n_bins: int, still_to_scale: float = 1.0
) -> Calibration:
    n, seizure_share = _size(groups)
    return Calibration(
        unit=unit,
        temperature=temperature,
        n=n,
        seizure_share=seizure_share,
        brier=brier(groups, still_to_scale),
        equal_width=reliability(groups, "equal_width", n_bins, still_to_scale),
        equal_mass=reliability(groups, "equal_mass", n_bins, still_to_scale),
    )
