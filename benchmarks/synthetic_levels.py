"""Claim: the levels of the synthetic corpus are in order of difficulty, for a simple detector.

    OMP_NUM_THREADS=1 python benchmarks/synthetic_levels.py [train hours] [eval hours]

Boosted trees on the power over the head with its context, one probability a second. Patients,
seizures and their times are the same at every level; mimics, artefacts and amplitudes are not.
Sensitivities are the best of eval's own curve, raw false alarms in brackets: NEDC any-overlap.
Needs scikit-learn (extra `dev`).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
from features import power_over_the_head, with_context
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.difficulty import Difficulty
from seizure.corpus.synthetic.plan import planned_recordings
from seizure.corpus.synthetic.spec import PlannedRecording
from seizure.eeg.annotation import Event
from seizure.eeg.channels import canonical_name
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sensitivity_at, sweep, thresholds_for

TARGETS = (20.0, 10.0, 5.0)
# One frame a second: the default's 0.7 and 1.9 s become 1 and 2 frames.
SETTINGS = Postprocessing(opening_frames=1, closing_frames=2)


@dataclass(frozen=True)
class Example:
    """A recording as a detector sees it: features (second, feature) and its seizures."""

    planned: PlannedRecording
    events: tuple[Event, ...]
    features: NDArray[np.float64]

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Whether the middle of each second is in a seizure."""
        middle_s = np.arange(len(self.features)) + 0.5
        labels = np.zeros(len(middle_s), dtype=bool)
        for event in self.events:
            labels |= (middle_s >= event.start_s) & (middle_s < event.stop_s)
        return labels

    def tracked(self, probability: NDArray[np.float64]) -> TrackedRecording:
        """The same with a detector's track."""
        stem, duration_s = self.planned.stem, float(self.planned.duration_s)
        track = Track(stem, 1.0, probability.astype(np.float32), duration_s)
        return TrackedRecording(stem, self.planned.patient, duration_s, self.events, track)


def examples(spec: SyntheticSpec, split: str) -> Iterator[Example]:
    """Every recording of a split; the signals themselves are not kept."""
    for one in planned_recordings(spec):
        if one.split != split:
            continue
        made = simulate_recording(spec, one.split, one.patient_index, one.recording_index)
        scalp = [i for i, label in enumerate(made.channel_labels) if canonical_name(label)]
        eeg_uv = made.signal_uv[scalp] - made.signal_uv[scalp].mean(axis=0)
        features = power_over_the_head(eeg_uv, made.rate_hz)[: one.duration_s]
        yield Example(one, made.events, with_context(features))


def main() -> None:
    """Print one row a level."""
    train_h, eval_h = (float(text) for text in [*sys.argv[1:], "16", "24"][:2])
    print("synthetic EEG; AUROC over seconds, then sensitivity (raw false alarms) at FA/24h ≤")
    print(f"{'level':<8}{'train':>7}{'eval':>8}{'seizures':>10}{'AUROC':>8}", end="")
    print("".join(f"{target:>15g}" for target in TARGETS))
    for level in get_args(Difficulty):
        spec = SyntheticSpec(0, train_h, 0.0, eval_h, recordings_per_patient=1.25, difficulty=level)
        train, held_out = (list(examples(spec, split)) for split in ("train", "eval"))
        trees = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, random_state=0)
        trees.fit(
            np.concatenate([one.features for one in train]),
            np.concatenate([one.labels for one in train]),
        )
        tracks = [one.tracked(trees.predict_proba(one.features)[:, 1]) for one in held_out]
        labels = np.concatenate([one.labels for one in held_out])
        auroc = roc_auc_score(labels, np.concatenate([t.track.probability for t in tracks]))
        curve = sweep(tracks, SETTINGS, thresholds_for(tracks))
        best = [sensitivity_at(curve, target) for target in TARGETS]
        shown = "".join(
            f"{'not reachable' if p is None else f'{100 * p.sensitivity:.0f} % ({p.fp})':>15}"
            for p in best
        )
        hours = [sum(one.planned.duration_s for one in part) / 3600 for part in (train, held_out)]
        print(
            f"{level:<8}{hours[0]:>5.1f} h{hours[1]:>6.1f} h{curve.n_reference:>10}{auroc:>8.3f}"
            f"{shown}",
            flush=True,
        )


if __name__ == "__main__":
    main()
