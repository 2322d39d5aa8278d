"""Figures of a set of stitched recordings, small enough to compute after every epoch."""

from collections.abc import Sequence

from seizure.events.decide import Postprocessing
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sensitivity_at, sweep, thresholds_for
from seizure.scoring.frames import LabelledFrames
from seizure.scoring.operating_point import MAX_ALARM_SHARE
from seizure.scoring.ranking import auroc

# False alarms in 24 h over which the sensitivity is averaged to compare epochs. Not higher: with
# short recordings, calling each of them one long seizure finds all seizures at some 40 a day.
AVERAGED_RATES = (2.5, 5.0, 10.0, 20.0)


def detection_metrics(
    recordings: Sequence[TrackedRecording], postprocessing: Postprocessing
) -> dict[str, float]:
    """`auroc` per frame, and NEDC any-overlap sensitivities at false alarms in 24 h.

    `sensitivity_at_10fa` is the field's headline; a few hours of dev resolve it to a few false
    alarms, so that epochs are better compared by `mean_sensitivity`, over `AVERAGED_RATES`. Each is
    that of the best threshold within the rate and the share of time in alarm to which operating
    points are held, and 0 where there is none or no seizure. AUROC is NaN where one class is
    missing.
    """
    ranking = auroc(LabelledFrames(recordings))
    curve = sweep(recordings, postprocessing, thresholds_for(recordings))

    def sensitivity(fa_per_24h: float) -> float:
        point = sensitivity_at(curve, fa_per_24h, MAX_ALARM_SHARE)
        return 0.0 if point is None else point.sensitivity

    return {
        "auroc": float("nan") if ranking is None else ranking,
        "sensitivity_at_10fa": sensitivity(10.0),
        "mean_sensitivity": sum(map(sensitivity, AVERAGED_RATES)) / len(AVERAGED_RATES),
    }
