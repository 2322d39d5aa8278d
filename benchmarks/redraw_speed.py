"""Claim: drawing an epoch anew from 500 000 windows takes ≤ 10 ms.

    OMP_NUM_THREADS=1 python benchmarks/redraw_speed.py

Once with seizures as rare as in TUSZ's training split (about 5 % of the time), and once with so
many that the draw takes all 500 000 windows. Memory is what the draw allocates at its peak, per
window of the grid; `int32` indices are what stays.
"""

import argparse
import time
import tracemalloc

import numpy as np

from seizure.windows.grid import WindowGrid
from seizure.windows.sampler import draw
from seizure.windows.spec import Balance


def grid_of(n_windows: int, partly: float, fully: float) -> WindowGrid:
    """Windows of which these shares hold a seizure in part or throughout."""
    rng = np.random.default_rng(0)
    kind = rng.choice([0, 1, 2], n_windows, p=[1 - partly - fully, partly, fully]).astype(np.uint8)
    starts = np.arange(n_windows, dtype=np.int32)
    return WindowGrid(np.zeros(n_windows, np.int32), starts, kind, 15360)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    whole = 1 + Balance().full_ratio + Balance().background_ratio
    shares = {"TUSZ's share": (0.04, 0.03), "all drawn": (1 / whole, Balance().full_ratio / whole)}
    for name, (partly, fully) in shares.items():
        grid = grid_of(options.windows, partly, fully)
        taken_ms = []
        for epoch in range(options.rounds):
            started_s = time.perf_counter()
            drawn = draw(grid, Balance(), seed=0, epoch=epoch)
            taken_ms.append(1e3 * (time.perf_counter() - started_s))
        tracemalloc.start()
        drawn = draw(grid, Balance(), seed=0, epoch=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{name:13s} {len(drawn):7d} of {len(grid)} windows drawn: {np.median(taken_ms):.1f} "
            f"(fastest {min(taken_ms):.1f}) ms; peak {peak / len(grid):.1f} bytes a window, "
            f"kept {drawn.itemsize}"
        )


if __name__ == "__main__":
    main()
