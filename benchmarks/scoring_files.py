"""Claim: scoring files starts 5 times faster than what imports torch; tuning is 5 times a loop.

    OMP_NUM_THREADS=1 python benchmarks/scoring_files.py

`seizure.score --help` against `import seizure.build` in processes of their own, in turns; 1000
pairs of ten-minute csv_bi files scored by all six scorers, process seconds; a grid of
post-processing on 100 tracks of ten minutes by `tune`, against deciding and scoring threshold by
threshold, of which a part is timed.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.export import write_csv_bi
from seizure.events.stitch import Track
from seizure.scoring import nedc
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import thresholds_for
from seizure.scoring.folders import pair_folders
from seizure.scoring.scores import score_pairs
from seizure.scoring.tuning import SearchGrid, tune

N_STARTS = 3
N_PAIRS = 1000
N_TRACKS = 100
N_LOOPED = 40
GRID = SearchGrid((0.5, 0.7, 0.9), (11, 31, 79), (31, 95), (3.0, 5.0, 10.0), (2.0, 5.0, 10.0))


def seconds_of(*arguments: str) -> float:
    """How long a fresh Python takes."""
    start_s = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start_s


def starts() -> None:
    """Start of the verb against the imports of a verb with a model."""
    pairs = [
        (seconds_of("-m", "seizure.score", "--help"), seconds_of("-c", "import seizure.build"))
        for _ in range(N_STARTS)
    ]
    ours, with_torch = (median(column) for column in zip(*pairs, strict=True))
    print(f"start: score {ours:.2f} s, with torch {with_torch:.2f} s, {with_torch / ours:.1f}x")


def files() -> None:
    """Reading and scoring pairs of files."""
    rng = np.random.default_rng(0)

    def some() -> tuple[Event, ...]:
        cuts = np.sort(rng.choice(6000, 2 * int(rng.integers(0, 4)), replace=False)) / 10
        return tuple(Event(a, b) for a, b in zip(cuts[0::2], cuts[1::2], strict=True))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(N_PAIRS):
            for side in ("ref", "hyp"):
                write_csv_bi(folder / side / f"p{number % 50}_{number}.csv_bi", some(), 600.0)
        start_s = time.process_time()
        paired = pair_folders(folder / "ref", folder / "hyp")
        read_s = time.process_time() - start_s
        score_pairs(paired.pairs)
    print(
        f"{len(paired.pairs)} pairs: read in {read_s:.1f} s, scored by six scorers in "
        f"{time.process_time() - start_s - read_s:.1f} s"
    )


def tuning() -> None:
    """Every combination at every threshold, swept and, for a part, one by one."""
    rng = np.random.default_rng(0)
    recordings = []
    for number in range(N_TRACKS):
        smooth = np.convolve(rng.standard_normal(9600 + 47), np.ones(48) / 7, "valid")
        probability = (1 / (1 + np.exp(2 - smooth))).astype(np.float32)
        track = Track(f"r{number}", 16.0, probability, 600.0)
        recordings.append(TrackedRecording(f"r{number}", "p", 600.0, (Event(100.0, 160.0),), track))
    start = Postprocessing()
    start_s = time.process_time()
    tuned = tune(recordings, start, GRID, 100.0)
    swept_s = time.process_time() - start_s
    thresholds = thresholds_for(recordings)
    start_s = time.process_time()
    for threshold in thresholds[:: len(thresholds) // N_LOOPED]:
        at = replace(start, on_threshold=float(threshold))
        nedc.total(nedc.ovlp, [recording.pair(at) for recording in recordings])
    n_looped = len(thresholds[:: len(thresholds) // N_LOOPED])
    one_s = (time.process_time() - start_s) / n_looped
    n_all = tuned.choice.n_tried * len(thresholds)
    print(
        f"tune: {tuned.choice.n_tried} settings x {len(thresholds)} thresholds on "
        f"{N_TRACKS / 6:.1f} h in {swept_s:.1f} s; one by one {one_s * n_all:.0f} s (from "
        f"{n_looped} of {n_all}), {one_s * n_all / swept_s:.0f}x"
    )


if __name__ == "__main__":
    starts()
    files()
    tuning()
