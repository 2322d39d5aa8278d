"""Claim: the trained default beats simple detectors at 10 false alarms a day by a clear margin.

    python benchmarks/baselines.py checkpoint=runs/NAME/checkpoints/best.ckpt [checkpoint=…]

All are given the same cached recordings, the same post-processing and the same scorer (NEDC
any-overlap); thresholds are chosen on dev and applied to eval. Intervals are over patients; on
synthetic EEG the causes of false alarms follow. Needs scikit-learn (extra `dev`).
"""

import sys
import tempfile
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from features import (
    STEP_S,
    Feature,
    band_power,
    line_length,
    power_over_the_head,
    synchrony,
    with_context,
)
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seizure import build
from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.cli.command import load, speak
from seizure.config import EvaluateConfig
from seizure.evaluate import recordings_of
from seizure.evaluation.evidence import Causes, known_causes
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.learning.tracks import reference_of
from seizure.prepare import PreparedCorpus, prepare_corpus
from seizure.scoring import nedc
from seizure.scoring.bootstrap import patient_interval
from seizure.scoring.breakdown import by_cause
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sensitivity_at, sweep, thresholds_for
from seizure.scoring.operating_point import choose
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading

TARGETS = (10.0, 5.0, 2.5, 1.0)


class FeatureTable:
    """Features of every recording, each second relative to the recording's own median."""

    def __init__(self, corpus: PreparedCorpus, feature: Feature) -> None:
        self.index = corpus.index
        signals = MappedSignals(corpus.folder, corpus.index)
        self.rows: dict[int, NDArray[np.float64]] = {}
        for row in range(len(self.index)):
            n = int(self.index.n_samples[row])
            eeg_uv = signals.window_uv(row, 0, n)
            # Electrodes that share a reference are coherent whatever the brain does.
            eeg_uv = eeg_uv - eeg_uv.mean(axis=0)
            values = feature(eeg_uv, self.index.rate_hz)[: self.n_frames(row)]
            self.rows[row] = values - np.median(values, axis=0)

    def mapped(self, change: Callable[[NDArray], NDArray]) -> "FeatureTable":
        """The same recordings with features made of these."""
        return self._with({row: change(values) for row, values in self.rows.items()})

    def joined(self, other: "FeatureTable") -> "FeatureTable":
        """The features of both tables side by side."""
        pairs = {row: (values, other.rows[row]) for row, values in self.rows.items()}
        return self._with({row: np.concatenate(both, axis=1) for row, both in pairs.items()})

    def fitted(self, classifier: Any) -> Callable[[int], NDArray[np.float64]]:
        """The probability that a classifier fitted on train gives each second of a recording."""
        train = self.index.rows("train").tolist()
        classifier.fit(
            np.concatenate([self.rows[row] for row in train]),
            np.concatenate([self.labels(row) for row in train]),
        )
        return lambda row: classifier.predict_proba(self.rows[row])[:, 1]

    def _with(self, rows: dict[int, NDArray[np.float64]]) -> "FeatureTable":
        table = copy(self)
        table.rows = rows
        return table

    def n_frames(self, row: int) -> int:
        """Whole seconds, the last one begun counts."""
        return int(np.ceil(self.index.n_samples[row] / self.index.rate_hz / STEP_S))

    def labels(self, row: int) -> NDArray[np.bool_]:
        """Whether the middle of each second is in a seizure."""
        middle = (np.arange(self.n_frames(row)) + 0.5) * STEP_S
        reference = reference_of(self.index, row)
        return np.any(
            [np.zeros(len(middle), bool)]
            + [(middle >= e.start_s) & (middle < e.stop_s) for e in reference],
            axis=0,
        )


def tracked(
    index: CacheIndex, split: str, probability: Callable[[int], NDArray[np.float64]]
) -> list[TrackedRecording]:
    """The recordings of a split with a track at one frame a second."""
    recordings = []
    for row in index.rows(split).tolist():
        stem, duration_s = str(index.stem[row]), float(index.n_samples[row] / index.rate_hz)
        track = Track(stem, 1 / STEP_S, probability(row).astype(np.float32), duration_s)
        patient = str(index.patient[row])
        recordings.append(
            TrackedRecording(stem, patient, duration_s, reference_of(index, row), track)
        )
    return recordings


def report(
    name: str,
    dev: list[TrackedRecording],
    held_out: list[TrackedRecording],
    settings: Postprocessing,
    causes: Causes | None,
) -> None:
    """One row: eval at the threshold of dev, and the best the eval curve could give."""
    chosen = choose(sweep(dev, settings, thresholds_for(dev)), settings, 10.0)
    pairs = [r.pair(chosen.settings) for r in held_out]
    counts = nedc.total(nedc.ovlp, pairs)
    found = [nedc.ovlp(pair) for pair in pairs]
    interval = patient_interval(
        [pair.patient for pair in pairs],
        [[c.tp, c.fn] for c in found],
        lambda summed: summed[:, 0] / summed.sum(axis=1),
    )
    curve = sweep(held_out, settings, thresholds_for(held_out))
    best = [sensitivity_at(curve, target) for target in TARGETS]
    shown = " ".join(
        f"{'  not reachable' if p is None else f'{100 * p.sensitivity:5.1f} % ({p.fp:3d} fa)'}"
        for p in best
    )
    print(
        f"{name:<26} {100 * counts.sensitivity:5.1f} % [{100 * interval.low:.0f}, "
        f"{100 * interval.high:.0f}] at {counts.fa_per_24h:5.1f} FA/24h "
        f"(tp {counts.tp}, fn {counts.fn}, fp {counts.fp}) | {shown}",
        flush=True,
    )
    if causes is not None:
        listed = ", ".join(f"{cause} {n}" for cause, n in by_cause(pairs, causes))
        print(f"{'':<26} false alarms: {listed}", flush=True)


def main() -> None:
    """Print the table."""
    speak()
    checkpoints = [a for a in sys.argv[1:] if a.startswith("checkpoint=")]
    rest = [a for a in sys.argv[1:] if not a.startswith("checkpoint=")]
    configs = [load("evaluate", EvaluateConfig, [chosen, *rest]) for chosen in checkpoints]
    trained = [build.module_from(config.checkpoint) for config in configs if config.checkpoint]
    config, settings = configs[0], trained[0][1]
    corpus = prepare_corpus(config.corpus, settings.preprocess, config.paths.cache, config.prepare)
    causes = known_causes(corpus, "eval")
    index = corpus.index
    n_seizures = sum(len(index.events_of(row)) for row in index.rows("eval").tolist())
    n_patients = len(set(index.patient[index.rows("eval")].tolist()))
    print(
        f"\n{corpus.name} (synthetic EEG where so named): train {index.hours('train'):.1f} h, "
        f"dev {index.hours('dev'):.1f} h, eval {index.hours('eval'):.1f} h with {n_seizures} "
        f"seizures of {n_patients} patients"
    )
    print(
        f"{'':<26} eval at the threshold chosen on dev for ≤ 10 FA/24h     | "
        f"best of eval's own curve at ≤ {', '.join(f'{t:g}' for t in TARGETS)} FA/24h"
    )
    # The same lengths in seconds as at the detector's 16 frames a second.
    per_second = replace(settings.events, opening_frames=1, closing_frames=2)

    def row(name: str, probability: Callable[[int], NDArray[np.float64]]) -> None:
        dev, held_out = (tracked(index, split, probability) for split in ("dev", "eval"))
        report(name, dev, held_out, per_second, causes)

    lengths = FeatureTable(corpus, line_length)
    spread = np.median(np.abs(np.concatenate([lengths.rows[r][:, 0] for r in lengths.rows])))
    row("line length", lambda r: 1 / (1 + np.exp(-lengths.rows[r][:, 0] / spread / 10)))

    regression = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=300)
    )
    row("band power + regression", FeatureTable(corpus, band_power).fitted(regression))

    power = FeatureTable(corpus, power_over_the_head)
    row("power, boosted", power.fitted(boosting()))
    row("power + context, boosted", power.mapped(with_context).fitted(boosting()))
    joined = power.joined(FeatureTable(corpus, synchrony)).mapped(with_context)
    row("+ synchrony, boosted", joined.fitted(boosting()))

    for chosen, (module, its) in zip(configs, trained, strict=True):
        data = WindowDataModule(
            corpus.folder, index, its.windows, Balance(), Loading(), seed=its.seed
        )
        trainer = build.scoring_trainer(chosen.accelerator)
        scratch = Path(tempfile.gettempdir())
        dev, held_out = (
            list(recordings_of(trainer, module, data, s, scratch)) for s in ("dev", "eval")
        )
        name = f"{its.model.size}, seed {its.seed}"
        report(name, dev, held_out, its.events, causes)


def boosting() -> HistGradientBoostingClassifier:
    """Boosted trees of a fixed size and seed."""
    return HistGradientBoostingClassifier(
        max_iter=250,
        learning_rate=0.06,
        max_leaf_nodes=24,
        min_samples_leaf=60,
        l2_regularization=1.0,
        max_features=0.3,
        random_state=0,
    )


if __name__ == "__main__":
    main()
