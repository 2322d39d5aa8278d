"""How well probabilities rank and how well they are calibrated, each figure with its unit."""

from collections.abc import Sequence
from dataclasses import dataclass

from seizure.scoring.calibration import Reliability, brier, reliability, scaled
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.frames import Frames, labelled_clips, labelled_detections, labelled_frames
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
    units = [(_frame(recordings), labelled_frames(recordings))]
    units += [
        (f"clip of {clip_s:g} s, highest frame", labelled_clips(recordings, clip_s))
        for clip_s in CLIPS_S
    ]
    units.append(("recording, highest frame", labelled_clips(recordings, float("inf"))))
    return tuple(
        Ranking(
            unit=unit,
            n=pieces.is_seizure.size,
            seizure_share=float(pieces.is_seizure.mean()),
            auroc=auroc(*pieces),
            auprc=auprc(*pieces),
        )
        for unit, pieces in units
    )


def calibrations(
    recordings: Sequence[TrackedRecording], pairs: Sequence[Pair], temperature: float | None
) -> tuple[Calibration, ...]:
    """Calibration of frames and of detections, as they are and after a temperature if there is one.

    Without a detection there is none of detections.
    """
    frames = labelled_frames(recordings)
    found = []
    for value in (1.0,) if temperature is None else (1.0, temperature):
        probability = frames.probability if value == 1 else scaled(frames.probability, value)
        found.append(
            _calibration(_frame(recordings), value, Frames(probability, frames.is_seizure), 15)
        )
    for value in (1.0,) if temperature is None else (1.0, temperature):
        detections = labelled_detections(recordings, pairs, value)
        if detections.is_seizure.size:
            unit = "detection, mean of its frames"
            found.append(_calibration(unit, value, detections, _BINS_OF_DETECTIONS))
    return tuple(found)


def _frame(recordings: Sequence[TrackedRecording]) -> str:
    return f"frame of 1/{recordings[0].track.rate_hz:g} s"


def _calibration(unit: str, temperature: float, pieces: Frames, n_bins: int) -> Calibration:
    return Calibration(
        unit=unit,
        temperature=temperature,
        n=pieces.is_seizure.size,
        seizure_share=float(pieces.is_seizure.mean()),
        brier=brier(*pieces),
        equal_width=reliability(*pieces, "equal_width", n_bins),
        equal_mass=reliability(*pieces, "equal_mass", n_bins),
    )
