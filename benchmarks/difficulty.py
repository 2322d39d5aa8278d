"""Claim: power alone fails at low false-alarm rates; what electrodes have in common succeeds.

    OMP_NUM_THREADS=1 python benchmarks/difficulty.py store=FOLDER [train=60] [dev=100] [eval=100]
        [seeds=0,1,2] [difficulty=medium] [jobs=1]

Detectors of rising means on **synthetic** EEG, each seed a corpus of its own (other patients, other
recordings): thresholds are chosen on dev and applied to eval, NEDC any-overlap. Recordings are made
one at a time and only their features kept (2 MB an hour), so that the same command continues.
Needs scikit-learn (extra `dev`).
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from baselines import boosting
from feature_store import Examined, examined
from features import with_context
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seizure.corpus.synthetic import SyntheticSpec
from seizure.corpus.synthetic.difficulty import Difficulty
from seizure.corpus.synthetic.scene import TruthEvent
from seizure.corpus.synthetic.spec import SPLITS
from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.scoring import nedc
from seizure.scoring.bootstrap import patient_interval
from seizure.scoring.breakdown import by_cause
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.operating_point import choose

TARGETS = (10.0, 5.0, 1.0)
# One frame a second: the default's 0.7 and 1.9 s become 1 and 2 frames.
SETTINGS = Postprocessing(opening_frames=1, closing_frames=2)

Truths = dict[str, tuple[TruthEvent, ...]]
Values = NDArray[np.floating]
Fit = Callable[[Values, NDArray[np.bool_]], Callable[[Values], Values]]


@dataclass(frozen=True)
class Detector:
    """What a detector sees of a recording (second, feature), and how it learns from it."""

    sees: Callable[[Examined], Values]
    fit: Fit


@dataclass(frozen=True, eq=False)
class Outcome:
    """A detector on one seed's eval: pairs by target, the seed before stems and patients."""

    pairs: dict[float, list[Pair]]
    auroc: float


def by_size(values: Values, labels: NDArray[np.bool_]) -> Callable[[Values], Values]:
    """No learning: a probability that rises with the only feature."""
    spread = 10 * np.median(np.abs(values))
    return lambda seen: 1 / (1 + np.exp(-seen[:, 0] / spread))


def regression(values: Values, labels: NDArray[np.bool_]) -> Callable[[Values], Values]:
    """Logistic regression on standardised features."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=300)
    ).fit(values, labels)
    return lambda seen: model.predict_proba(seen)[:, 1]


def trees(values: Values, labels: NDArray[np.bool_]) -> Callable[[Values], Values]:
    """The boosted trees of baselines.py."""
    model = boosting().fit(values, labels)
    return lambda seen: model.predict_proba(seen)[:, 1]


def in_context(*names: str) -> Callable[[Examined], Values]:
    """Features side by side, with their means and changes over up to 41 s."""
    return lambda one: with_context(np.concatenate([one.features[n] for n in names], axis=1))


DETECTORS = {
    "line length": Detector(lambda one: one.features["line_length"], by_size),
    "band power + logistic regression": Detector(
        lambda one: one.features["band_power"], regression
    ),
    "power, boosted": Detector(lambda one: one.features["power"], trees),
    "power + context, boosted": Detector(in_context("power"), trees),
    "power + context + synchrony, boosted": Detector(in_context("power", "synchrony"), trees),
}


def outcome(
    detector: Detector,
    train: Sequence[Examined],
    dev: Sequence[Examined],
    held_out: Sequence[Examined],
    seed: int,
) -> Outcome:
    """Fit on train, choose thresholds on dev, detect on eval."""
    seen = np.concatenate([detector.sees(one).astype(np.float32) for one in train])
    predict = detector.fit(seen, np.concatenate([one.labels for one in train]))
    on_dev, on_eval = (
        [one.tracked(predict(detector.sees(one).astype(np.float32))) for one in part]
        for part in (dev, held_out)
    )
    labels = np.concatenate([one.labels for one in held_out])
    probability = np.concatenate([one.track.probability for one in on_eval])
    auroc = float(roc_auc_score(labels, probability))
    return Outcome(decided(on_dev, on_eval, SETTINGS, seed), auroc)


def decided(
    dev: Sequence[TrackedRecording],
    held_out: Sequence[TrackedRecording],
    settings: Postprocessing,
    seed: int,
) -> dict[float, list[Pair]]:
    """The events of eval at the thresholds that dev chooses, by target."""
    curve = sweep(dev, settings, thresholds_for(dev))
    pairs = {}
    for target in TARGETS:
        chosen = choose(curve, settings, target).settings
        pairs[target] = [
            replace(pair, stem=f"{seed} {pair.stem}", patient=f"{seed} {pair.patient}")
            for pair in (one.pair(chosen) for one in held_out)
        ]
    return pairs


def shown(pairs: Sequence[Pair]) -> str:
    """Sensitivity with its interval over patients, the rate of false alarms and the raw counts."""
    counts, found = nedc.total(nedc.ovlp, pairs), [nedc.ovlp(pair) for pair in pairs]
    interval = patient_interval(
        [pair.patient for pair in pairs],
        [[c.tp, c.fn] for c in found],
        lambda summed: summed[:, 0] / summed.sum(axis=1),
    )
    return (
        f"{100 * counts.sensitivity:5.1f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}] "
        f"at {counts.fa_per_24h:4.1f} ({counts.tp} of {counts.tp + counts.fn}, {counts.fp} fa)"
    )


def by_type(pairs: Sequence[Pair], truths: Truths) -> str:
    """Detected of all seizures, of each of the generator's types."""
    hit, all_of = Counter(), Counter()
    for pair in pairs:
        for one in truths[pair.stem]:
            if one.origin == "seizure":
                all_of[one.cause] += 1
                hit[one.cause] += any(
                    event.start_s < one.stop_s and one.start_s < event.stop_s
                    for event in pair.hypothesis
                )
    return ", ".join(f"{kind} {hit[kind]}/{n}" for kind, n in all_of.most_common())


def main() -> None:
    """Print a row as soon as it is known; at the end the same over all seeds."""
    words = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
    if "store" not in words:
        raise SystemExit(f"found no store=FOLDER to keep features in\n\n{__doc__}")
    hours = {s: float(words.get(s, "60" if s == "train" else "100")) for s in SPLITS}
    seeds = [int(text) for text in words.get("seeds", "0,1,2").split(",")]
    over_seeds: dict[str, list[Outcome]] = {name: [] for name in DETECTORS}
    truths: Truths = {}
    for seed in seeds:
        spec = SyntheticSpec(
            seed,
            *hours.values(),
            recordings_per_patient=1.25,
            difficulty=cast(Difficulty, words.get("difficulty", "medium")),
        )
        train, dev, held_out = (
            list(examined(spec, split, Path(words["store"]), int(words.get("jobs", "1"))))
            for split in SPLITS
        )
        print(f"\nseed {seed}, synthetic:", *map(described, SPLITS, (train, dev, held_out)))
        truths |= {f"{seed} {one.planned.stem}": one.truth for one in held_out}
        for name, detector in DETECTORS.items():
            over_seeds[name].append(outcome(detector, train, dev, held_out, seed))
            print_row(name, over_seeds[name][-1:], truths)
    print(f"\nall {len(seeds)} seeds, synthetic")
    for name, found in over_seeds.items():
        print_row(name, found, truths)


def described(split: str, recordings: Sequence[Examined]) -> str:
    """Hours, patients and seizures of a split."""
    hours = sum(one.planned.duration_s for one in recordings) / 3600
    patients = {one.planned.patient for one in recordings}
    n_seizures = sum(len(one.events) for one in recordings)
    return f"{split} {hours:.1f} h, {len(patients)} patients, {n_seizures} seizures;"


def print_row(name: str, outcomes: Sequence[Outcome], truths: Truths) -> None:
    """Sensitivity at every target, then false alarms by cause and seizures by type at the first."""
    pairs = {t: [pair for one in outcomes for pair in one.pairs[t]] for t in TARGETS}
    aurocs = " ".join(f"{one.auroc:.3f}" for one in outcomes)
    print(f"{name:<38}", " | ".join(shown(pairs[target]) for target in TARGETS), "| AUROC", aurocs)
    first = pairs[TARGETS[0]]
    others = {
        stem: tuple(Event(t.start_s, t.stop_s, t.cause) for t in truth if t.origin != "seizure")
        for stem, truth in truths.items()
    }
    under = ", ".join(f"{cause} {n}" for cause, n in by_cause(first, others))
    print(f"{'':<4}false alarms: {under}\n{'':<4}found: {by_type(first, truths)}", flush=True)


if __name__ == "__main__":
    main()
