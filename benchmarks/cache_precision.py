"""Claim: the 16 bits of the cache hold every channel of filtered EEG at ≥ 80 dB.

    python benchmarks/cache_precision.py FOLDER [FOLDER …]

For every channel of the EDF files below the folders: the ratio of the filtered signal's standard
deviation to that of the error of the cache. Beside it the same for even steps up to the highest
peak and for float16, and the cache's fine step over the source's.
"""

import argparse
from pathlib import Path

import edfio
import numpy as np

from seizure.cache.quantise import levels, quantise
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording

SHARES = (0, 1, 5, 25, 50, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--files", type=int, default=40, help="at most so many of each folder")
    options = parser.parse_args()
    for folder in options.folders:
        paths = sorted(folder.rglob("*.edf"))
        paths = paths[:: -(-len(paths) // options.files)]
        measured = [of_recording(path) for path in paths]
        columns = {name: np.concatenate([m[name] for m in measured]) for name in measured[0]}
        snr_db = columns["cache, dB"]
        print(f"{folder}: {len(paths)} recordings, {len(snr_db)} channels")
        print(f"  {'percentile':28s} {' '.join(f'{share:8d}' for share in SHARES)}")
        for name, values in columns.items():
            found = " ".join(f"{value:8.3g}" for value in np.percentile(values, SHARES))
            print(f"  {name:28s} {found}")
        below = snr_db < 80
        print(f"  at least 80 dB: {100 * np.mean(~below):.1f} % of channels")


def of_recording(path: Path) -> dict[str, np.ndarray]:
    """What is printed, for each channel of one recording."""
    filtered = filter_recording(read_edf(path), Preprocessing())
    quantised = quantise(filtered)
    signal_uv = filtered.signal_uv.astype(np.float64)
    stored_uv = levels(quantised.signal, quantised.stretch) * quantised.scale_uv[:, None]
    even_uv = np.abs(signal_uv).max(axis=1, keepdims=True).clip(1e-3) / 32767
    halves_uv = filtered.signal_uv.astype(np.float16).astype(np.float64)
    source = edfio.read_edf(path).signals
    steps_uv = [
        (signal.physical_max - signal.physical_min) / (signal.digital_max - signal.digital_min)
        for signal in source
        if signal.physical_dimension.lower() == "uv"
    ]
    spread_uv = signal_uv.std(axis=1)
    alive = spread_uv > 0
    return {
        "cache, dB": _decibels(spread_uv, stored_uv - signal_uv)[alive],
        "even steps, dB": _decibels(spread_uv, np.rint(signal_uv / even_uv) * even_uv - signal_uv)[
            alive
        ],
        "float16, dB": _decibels(spread_uv, halves_uv - signal_uv)[alive],
        "peak / standard deviation": (np.abs(signal_uv).max(axis=1)[alive] / spread_uv[alive]),
        "step of the cache, µV": quantised.scale_uv[alive],
        "step / the source's": quantised.scale_uv[alive] / np.median(steps_uv),
    }


def _decibels(spread_uv: np.ndarray, error_uv: np.ndarray) -> np.ndarray:
    return 20 * np.log10(spread_uv / error_uv.std(axis=1))


if __name__ == "__main__":
    main()
