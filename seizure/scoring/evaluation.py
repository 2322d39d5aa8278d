"""Everything the report states about one detector on one set of recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seizure.events.decide import Postprocessing
from seizure.scoring import nedc, szcore
from seizure.scoring.bootstrap import Interval, patient_interval
from seizure.scoring.breakdown import Share, by_duration, by_type
from seizure.scoring.calibration import Reliability, brier, reliability
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.counts import Counts
from seizure.scoring.curve import Curve, OperatingPoint, sensitivity_at, sweep, thresholds_for
from seizure.scoring.frames import labelled_frames
from seizure.scoring.operating_point import Choice
from seizure.scoring.ranking import auprc, auroc
from seizure.scoring.scores import score_pairs

# The false alarms per 24 h at which the field states sensitivity.
REPORTED_RATES = (10.0, 5.0, 2.5, 1.0)


@dataclass(frozen=True, eq=False)
class FrameFigures:
    """Ranking and calibration over all frames of the stitched tracks; None where undefined."""

    rate_hz: float
    n_frames: int
    seizure_share: float
    auroc: float | None
    auprc: float | None
    brier: float
    equal_width: Reliability
    equal_mass: Reliability


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One detector at a frozen operating point on one set, with its whole curves.

    `scores` is the layout of `score_pairs`; `ablation` holds NEDC OVLP counts with single steps
    of the post-processing left out; `intervals` are 95 % over patients.
    """

    split: str
    pairs: tuple[Pair, ...]
    choice: Choice
    scores: Mapping[str, Any]
    ovlp_curve: Curve
    szcore_curve: Curve
    frames: FrameFigures
    intervals: Mapping[str, Interval]
    ablation: Mapping[str, Counts]

    @property
    def point(self) -> OperatingPoint:
        """What the frozen choice gives on this set under NEDC OVLP."""
        counts = self.ablation["all steps"]
        return OperatingPoint(
            threshold=self.choice.settings.on_threshold,
            sensitivity=counts.sensitivity,
            fa_per_24h=counts.fa_per_24h,
            tp=int(counts.tp),
            fp=int(counts.fp),
            fn=int(counts.fn),
            n_reference=int(counts.tp + counts.fn),
            hours=counts.duration_s / 3600,
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
    recordings: Sequence[TrackedRecording], choice: Choice, split: str = "eval"
) -> Evaluation:
    """Score recordings at a choice made elsewhere, and sweep all thresholds beside it.

    Raises `ValueError` for no recordings.
    """
    if not recordings:
        raise ValueError(f"{split} holds no recording to evaluate")
    pairs = tuple(recording.pair(choice.settings) for recording in recordings)
    thresholds = thresholds_for(recordings)
    return Evaluation(
        split=split,
        pairs=pairs,
        choice=choice,
        scores=score_pairs(pairs),
        ovlp_curve=sweep(recordings, choice.settings, thresholds),
        szcore_curve=sweep(recordings, choice.settings, thresholds, "szcore_event"),
        frames=_frame_figures(recordings),
        intervals=_intervals(pairs),
        ablation={
            name: nedc.total(nedc.ovlp, [recording.pair(settings) for recording in recordings])
            for name, settings in ablations(choice.settings).items()
        },
    )


def ablations(settings: Postprocessing) -> dict[str, Postprocessing]:
    """The settings, and the settings with one step after another left out."""
    return {
        "all steps": settings,
        "no merging of gaps": replace(settings, merge_gap_s=0.0),
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
            merge_gap_s=0.0,
        ),
    }


def _frame_figures(recordings: Sequence[TrackedRecording]) -> FrameFigures:
    frames = labelled_frames(recordings)
    return FrameFigures(
        rate_hz=recordings[0].track.rate_hz,
        n_frames=frames.probability.size,
        seizure_share=float(frames.is_seizure.mean()),
        auroc=auroc(*frames),
        auprc=auprc(*frames),
        brier=brier(*frames),
        equal_width=reliability(*frames, "equal_width"),
        equal_mass=reliability(*frames, "equal_mass"),
    )


def _intervals(pairs: Sequence[Pair]) -> dict[str, Interval]:
    patients = [pair.patient for pair in pairs]
    counts = [nedc.ovlp(pair) for pair in pairs]
    table = [[count.tp, count.fn, count.fp, count.duration_s] for count in counts]
    subjects = szcore.summarise(pairs, szcore.event).subjects
    f1 = np.array([count.f1_2026 for count in subjects.values()])
    # A mean over the subjects that have an F1, as sums: the figure or 0, and whether it exists.
    has_f1 = np.isfinite(f1)
    f1_table = np.stack([np.where(has_f1, f1, 0.0), has_f1], axis=1)
    return {
        "ovlp_sensitivity": patient_interval(patients, table, lambda s: s[:, 0] / s[:, :2].sum(1)),
        "ovlp_fa_per_24h": patient_interval(patients, table, lambda s: s[:, 2] / s[:, 3] * 86_400),
        "szcore_event_f1_2026": patient_interval(
            list(subjects), f1_table, lambda s: s[:, 0] / s[:, 1]
        ),
    }
