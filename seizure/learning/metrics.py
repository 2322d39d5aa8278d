"""Figures of a set of stitched recordings, small enough to compute after every epoch."""

from collections.abc import Sequence

from seizure.events.decide import Postprocessing
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sensitivity_at, sweep, thresholds_for
from seizure.scoring.frames import labelled_frames
from seizure.scoring.ranking import auroc


def detection_metrics(
    recordings: Sequence[TrackedRecording], postprocessing: Postprocessing
) -> dict[str, float]:
    """`auroc` per frame and the NEDC any-overlap sensitivity at 10 false alarms in 24 h.

    The sensitivity is that of the best threshold; where none is within the false alarms, or there
    is no seizure, it is 0. AUROC is NaN where one class is missing.
    """
    frames = labelled_frames(recordings)
    ranking = auroc(frames.probability, frames.is_seizure)
    curve = sweep(recordings, postprocessing, thresholds_for(recordings))
    point = sensitivity_at(curve, 10.0)
    return {
        "auroc": float("nan") if ranking is None else ranking,
        "sensitivity_at_10fa": 0.0 if point is None else point.sensitivity,
    }
