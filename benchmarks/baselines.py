"""Claim: the trained default beats line length and band-power regression at 10 false alarms a day.

    python benchmarks/baselines.py checkpoint=runs/NAME/checkpoints/best.ckpt

All three are given the same cached recordings, the same post-processing and the same scorer (NEDC
any-overlap); thresholds are chosen on dev and applied to eval. Needs scikit-learn (extra `dev`).
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seizure import build
from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.command import load, speak
from seizure.config import EvaluateConfig
from seizure.evaluate import recordings_of
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.learning.tracks import reference_of
from seizure.prepare import PreparedCorpus, prepare_corpus
from seizure.scoring import nedc
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sensitivity_at, sweep, thresholds_for
from seizure.scoring.operating_point import choose
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading

STEP_S = 1.0
WINDOW_S = 4.0
BANDS_HZ = ((0.5, 4), (4, 8), (8, 13), (13, 30), (30, 70))
TARGETS = (10.0, 5.0, 2.5, 1.0)

Feature = Callable[[NDArray[np.float32], float], NDArray[np.float64]]


def line_length(eeg_uv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """Mean over electrodes of the line length around each second, (second, 1)."""
    steps = np.abs(np.diff(eeg_uv, axis=1)).mean(0)
    return np.array([[piece.mean()] for piece in _pieces(steps[None], rate_hz)])


def band_power(eeg_uv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """Log power of each electrode in five bands around each second, (second, 95)."""
    rows = []
    for piece in _pieces(eeg_uv, rate_hz):
        taper = np.hanning(piece.shape[1])
        power = np.abs(np.fft.rfft(piece * taper, axis=1)) ** 2
        frequency_hz = np.fft.rfftfreq(piece.shape[1], 1 / rate_hz)
        rows.append(
            [
                np.log(power[:, (frequency_hz >= low) & (frequency_hz < high)].sum(1) + 1e-6)
                for low, high in BANDS_HZ
            ]
        )
    return np.array(rows).reshape(len(rows), -1)


def _pieces(signal: NDArray, rate_hz: float) -> Iterator[NDArray]:
    """The 4 s around the middle of each whole or partial second, cut at the ends."""
    step, half = round(STEP_S * rate_hz), round(WINDOW_S * rate_hz / 2)
    # The last sample of a difference is missing, so seconds are counted with one sample more.
    for middle in range(step // 2, signal.shape[1] + step // 2 + 1, step):
        piece = signal[:, max(0, middle - half) : middle + half]
        if piece.shape[1] >= step // 2:
            yield piece


class FeatureTable:
    """Features of every recording, each second relative to the recording's own median."""

    def __init__(self, corpus: PreparedCorpus, feature: Feature) -> None:
        self.index = corpus.index
        signals = MappedSignals(corpus.folder, corpus.index)
        self.rows: dict[int, NDArray[np.float64]] = {}
        for row in range(len(self.index)):
            n = int(self.index.n_samples[row])
            eeg_uv = signals.window(row, 0, n).numpy() * self.index.scale_uv[row][:, None]
            values = feature(eeg_uv, self.index.rate_hz)[: self.n_frames(row)]
            self.rows[row] = values - np.median(values, axis=0)

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
) -> None:
    """One row: eval at the threshold of dev, and the best the eval curve could give."""
    chosen = choose(sweep(dev, settings, thresholds_for(dev)), settings, 10.0)
    counts = nedc.total(nedc.ovlp, [r.pair(chosen.settings) for r in held_out])
    curve = sweep(held_out, settings, thresholds_for(held_out))
    best = [sensitivity_at(curve, target) for target in TARGETS]
    shown = " ".join(
        f"{'  not reachable' if p is None else f'{100 * p.sensitivity:5.1f} % ({p.fp:3d} fa)'}"
        for p in best
    )
    print(
        f"{name:<24} {100 * counts.sensitivity:5.1f} % at {counts.fa_per_24h:5.1f} FA/24h "
        f"(tp {counts.tp}, fn {counts.fn}, fp {counts.fp}) | {shown}"
    )


def main() -> None:
    """Print the table."""
    speak()
    config = load("evaluate", EvaluateConfig, sys.argv[1:])
    module, trained = build.module_from(config.checkpoint)
    corpus = prepare_corpus(config.corpus, trained.preprocess, config.paths.cache, config.prepare)
    index = corpus.index
    n_seizures = sum(len(index.events_of(row)) for row in index.rows("eval").tolist())
    print(
        f"\n{corpus.name} (synthetic EEG where so named): eval {index.hours('eval'):.1f} h, "
        f"{n_seizures} seizures; dev {index.hours('dev'):.1f} h"
    )
    print(
        f"{'':<24} eval at the threshold chosen on dev for ≤ 10 FA/24h     | "
        f"best of eval's own curve at ≤ {', '.join(f'{t:g}' for t in TARGETS)} FA/24h"
    )
    # The same lengths in seconds as at the detector's 16 frames a second.
    per_second = replace(trained.events, opening_frames=1, closing_frames=2)

    lengths = FeatureTable(corpus, line_length)
    spread = np.median(np.abs(np.concatenate([lengths.rows[r][:, 0] for r in lengths.rows])))

    def by_length(row: int) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-lengths.rows[row][:, 0] / spread / 10))

    report(
        "line length",
        tracked(index, "dev", by_length),
        tracked(index, "eval", by_length),
        per_second,
    )

    powers = FeatureTable(corpus, band_power)
    train = index.rows("train").tolist()
    regression = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=300)
    )
    regression.fit(
        np.concatenate([powers.rows[row] for row in train]),
        np.concatenate([powers.labels(row)[: len(powers.rows[row])] for row in train]),
    )

    def by_power(row: int) -> NDArray[np.float64]:
        return regression.predict_proba(powers.rows[row])[:, 1]

    report(
        "band power + regression",
        tracked(index, "dev", by_power),
        tracked(index, "eval", by_power),
        per_second,
    )

    trainer = build.scoring_trainer(config.accelerator)
    data = WindowDataModule(
        corpus.folder, index, trained.windows, Balance(), Loading(), seed=trained.seed
    )
    dev, held_out = (list(recordings_of(trainer, module, data, s)) for s in ("dev", "eval"))
    report(f"{trained.model.name} {trained.model.size}", dev, held_out, trained.events)


if __name__ == "__main__":
    main()
