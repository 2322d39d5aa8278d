"""Everything the report states about one detector on one set of recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.scoring import nedc
from seizure.scoring.bootstrap import Interval
from seizure.scoring.breakdown import Share, by_cause, by_duration, by_type
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.comparison import Comparison, Rival, differences
from seizure.scoring.counts import Counts
from seizure.scoring.curve import Curve, OperatingPoint, sensitivity_at, sweep, thresholds_for
from seizure.scoring.intervals import intervals, sensitivity_interval
from seizure.scoring.operating_point import Choice
from seizure.scoring.probabilities import Calibration, Ranking, calibrations, rankings
from seizure.scoring.scores import score_pairs

# The false alarms per 24 h at which the field states sensitivity.
REPORTED_RATES = (10.0, 5.0, 2.5, 1.0)


class Ablated(NamedTuple):
    """NEDC OVLP counts with gaps merged as the settings say, and with no gap merged."""

    merged: Counts
    apart: Counts


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One detector at a frozen operating point on one set, with its whole curves.

    `scores` is the layout of `score_pairs`; `unmerged` holds the counts of the NEDC scorers where
    no gaps are merged, `ablation` those of OVLP with single steps of the post-processing left out;
    `intervals` are 95 % over patients, see `intervals`, and `rate_intervals` those of sensitivity
    by (counting, rate); `causes` counts false alarms by what is known to be there, where it is.
    """

    split: str
    pairs: tuple[Pair, ...]
    choice: Choice
    scores: Mapping[str, Any]
    ovlp_curve: Curve
    szcore_curve: Curve
    temperature: float | None
    rankings: tuple[Ranking, ...]
    calibrations: tuple[Calibration, ...]
    intervals: Mapping[str, Interval]
    rate_intervals: Mapping[tuple[str, float], Interval]
    unmerged: Mapping[str, Counts]
    ablation: Mapping[str, Ablated]
    causes: tuple[tuple[str, int], ...] | None = None
    comparison: Comparison | None = None

    @property
    def point(self) -> OperatingPoint:
        """What the frozen choice gives on this set under NEDC OVLP."""
        counts = self.ablation["all steps"].merged
        alarm_s = sum(event.duration_s for pair in self.pairs for event in pair.hypothesis)
        return OperatingPoint(
            threshold=self.choice.settings.on_threshold,
            sensitivity=counts.sensitivity,
            fa_per_24h=counts.fa_per_24h,
            tp=int(counts.tp),
            fp=int(counts.fp),
            fn=int(counts.fn),
            n_reference=int(counts.tp + counts.fn),
            hours=counts.duration_s / 3600,
            alarm_share=alarm_s / counts.duration_s,
        )

    @property
    def by_type(self) -> tuple[Share, ...]:
        """Seizures found by annotated type."""
        return by_type(self.pairs)

    @property
    def by_duration(self) -> tuple[Share, ...]:
        """Seizures found by length."""
        return by_duration(self.pairs)

    def at_rate(self, fa_per_24h: float) -> OperatingPoint | None:
        """The best point of this set's own OVLP curve within a rate, or None."""
        return sensitivity_at(self.ovlp_curve, fa_per_24h)


def evaluate(
    recordings: Sequence[TrackedRecording],
    choice: Choice,
    split: str = "eval",
    temperature: float | None = None,
    causes: Mapping[str, Sequence[Event]] | None = None,
    rival: Rival | None = None,
) -> Evaluation:
    """Score recordings at a choice made elsewhere, and sweep all thresholds beside it.

    `temperature` was fitted elsewhere, too; `causes` is what is known of each recording's EEG, by
    stem; `rival` is another detector to compare with. Raises `ValueError` for no recordings, or
    a rival that was given others.
    """
    if not recordings:
        raise ValueError(f"{split} holds no recording to evaluate")
    pairs = tuple(recording.pair(choice.settings) for recording in recordings)
    apart = [r.pair(replace(choice.settings, merge_gap_s=0.0)) for r in recordings]
    thresholds = thresholds_for(recordings)
    curves = {
        counting: sweep(recordings, choice.settings, thresholds, counting)
        for counting in ("nedc_ovlp", "szcore_event")
    }
    return Evaluation(
        split=split,
        pairs=pairs,
        choice=choice,
        scores=score_pairs(pairs),
        ovlp_curve=curves["nedc_ovlp"],
        szcore_curve=curves["szcore_event"],
        temperature=temperature,
        rankings=rankings(recordings),
        calibrations=calibrations(recordings, pairs, temperature),
        intervals=intervals(pairs),
        rate_intervals={
            (counting, rate): _interval_at(curve, rate, recordings, choice.settings)
            for counting, curve in curves.items()
            for rate in REPORTED_RATES
            if sensitivity_at(curve, rate) is not None
        },
        unmerged={name: nedc.total(scorer, apart) for name, scorer in nedc.SCORERS.items()},
        ablation={
            name: _ablated(recordings, settings)
            for name, settings in ablations(choice.settings).items()
        },
        causes=None if causes is None else by_cause(pairs, causes),
        comparison=None if rival is None else _comparison(pairs, rival),
    )


def ablations(settings: Postprocessing) -> dict[str, Postprocessing]:
    """The settings, and the settings without each step in turn; merging is apart, see `Ablated`."""
    return {
        "all steps": settings,
        "no minimum duration": replace(settings, min_duration_s=0.0),
        "no opening": replace(settings, opening_frames=0),
        "no closing": replace(settings, closing_frames=0),
        "no hysteresis": replace(settings, off_ratio=1.0),
        "threshold only": replace(
            settings,
            off_ratio=1.0,
            opening_frames=0,
            closing_frames=0,
            min_duration_s=0.0,
        ),
    }


def _ablated(recordings: Sequence[TrackedRecording], settings: Postprocessing) -> Ablated:
    apart = replace(settings, merge_gap_s=0.0)
    return Ablated(
        *(nedc.total(nedc.ovlp, [r.pair(used) for r in recordings]) for used in (settings, apart))
    )


def _interval_at(
    curve: Curve, rate: float, recordings: Sequence[TrackedRecording], settings: Postprocessing
) -> Interval:
    point = sensitivity_at(curve, rate)
    assert point is not None
    at = replace(settings, on_threshold=point.threshold)
    return sensitivity_interval([recording.pair(at) for recording in recordings], curve.counting)


def _comparison(pairs: Sequence[Pair], rival: Rival) -> Comparison:
    settings = rival.choice.settings
    return Comparison(
        name=rival.name,
        choice=rival.choice,
        differences=differences(pairs, [r.pair(settings) for r in rival.recordings]),
        curve=sweep(rival.recordings, settings, thresholds_for(rival.recordings)),
    )
