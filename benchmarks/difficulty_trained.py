"""The rows of trained detectors in the table of difficulty.py, from the tracks of their runs.

    python benchmarks/difficulty_trained.py store=FOLDER runs=runs/NAME [runs=…] [seeds=0,1,2]

`store` is that of difficulty.py: the same recordings. For each seed S the run `runs/NAME` + S was
trained, and its dev scored, by

    python -m seizure.train run=NAMES seed=S corpus.spec.seed=S corpus.spec.train_hours=60
        corpus.spec.dev_hours=100 corpus.spec.eval_hours=100 trainer.limit_val_batches=0.1
    python -m seizure.evaluate checkpoint=runs/NAMES/checkpoints/best.ckpt split=dev \\
        corpus.spec.seed=S …

so that the epoch is chosen on a tenth of dev, as much as the default corpus has.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from difficulty import TARGETS, Outcome, Truths, decided, described, print_row
from feature_store import Examined, examined
from sklearn.metrics import roc_auc_score

from seizure.corpus.synthetic import SyntheticSpec
from seizure.evaluation.saved_tracks import read_detector
from seizure.events.track_file import read_track
from seizure.scoring.case import TrackedRecording


def tracked(recordings: Sequence[Examined], folder: Path) -> list[TrackedRecording]:
    """The same recordings with the tracks that a run has saved."""
    found = []
    for one in recordings:
        track = read_track(folder / f"{one.planned.stem}.npz")
        length_s = float(one.planned.duration_s)
        if abs(track.duration_s - length_s) > 1e-6:
            raise SystemExit(
                f"{folder / one.planned.stem}.npz: {track.duration_s} s, expected {length_s} s; "
                "the run was trained on another corpus than the store's"
            )
        found.append(
            TrackedRecording(one.planned.stem, one.planned.patient, length_s, one.events, track)
        )
    return found


def outcome(run: Path, dev: Sequence[Examined], held_out: Sequence[Examined], seed: int) -> Outcome:
    """A run's detector on one seed's eval, with thresholds from the same seed's dev."""
    detector = read_detector(run / "tracks")
    on_eval = tracked(held_out, run / "tracks")
    on_dev = tracked(dev, run / "evaluation-synthetic-dev" / "tracks")
    seconds = [_by_second(one) for one in on_eval]
    labels = np.concatenate([one.labels for one in held_out])
    auroc = float(roc_auc_score(labels, np.concatenate(seconds)))
    return Outcome(decided(on_dev, on_eval, detector.trained.events, seed), auroc)


def _by_second(one: TrackedRecording) -> np.ndarray:
    """The track's mean over each second of the recording."""
    rate_hz = one.track.rate_hz
    second = (np.arange(len(one.track.probability)) / rate_hz).astype(int)
    return np.bincount(second, one.track.probability) / np.bincount(second)


def main() -> None:
    """Print a row a run and seed; at the end one a run over all seeds."""
    words = [word.split("=", 1) for word in sys.argv[1:] if "=" in word]
    runs = [value for key, value in words if key == "runs"]
    one_of = dict(words)
    if "store" not in one_of or not runs:
        raise SystemExit(f"found no store=FOLDER and runs=PREFIX\n\n{__doc__}")
    over_seeds: dict[str, list[Outcome]] = {name: [] for name in runs}
    truths: Truths = {}
    for seed in [int(text) for text in one_of.get("seeds", "0,1,2").split(",")]:
        spec = SyntheticSpec(seed, 60, 100, 100, recordings_per_patient=1.25)
        dev, held_out = (
            list(examined(spec, split, Path(one_of["store"]))) for split in ("dev", "eval")
        )
        print(f"\nseed {seed}, synthetic:", *map(described, ("dev", "eval"), (dev, held_out)))
        truths |= {f"{seed} {one.planned.stem}": one.truth for one in held_out}
        for name in runs:
            run = Path(f"{name}{seed}")
            over_seeds[name].append(outcome(run, dev, held_out, seed))
            print_row(run.name, over_seeds[name][-1:], truths)
    print("\nall seeds, synthetic; targets", TARGETS)
    for name, found in over_seeds.items():
        print_row(Path(name).name, found, truths)


if __name__ == "__main__":
    main()
