import json
from pathlib import Path

import numpy as np
import pytest

from seizure.eeg.annotation import Event, read_csv_bi
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording, matched_pair

ORACLES = Path(__file__).parents[2].parent / "shared" / "oracles" / "nedc_v6_public"


@pytest.fixture(scope="session")
def oracle():
    """The published pairs of NEDC with what the official tools say of them."""
    if not ORACLES.is_dir():
        pytest.skip(f"the official scores are not at {ORACLES}")
    pairs = []
    for path in sorted((ORACLES / "ref").glob("*.csv_bi")):
        reference, hypothesis = read_csv_bi(path), read_csv_bi(ORACLES / "hyp" / path.name)
        pairs.append(
            matched_pair(
                path.stem,
                path.stem.split("_")[0],
                reference.events,
                reference.duration_s,
                hypothesis.events,
                hypothesis.duration_s,
            )
        )
    nedc = json.loads((ORACLES / "nedc.json").read_text())
    szcore = json.loads((ORACLES / "szcore.json").read_text())
    return tuple(pairs), nedc, szcore


@pytest.fixture(scope="session")
def recordings():
    """Twelve short synthetic recordings of four patients with wandering tracks."""
    return tuple(make_recording(index) for index in range(12))


def make_recording(index, rate_hz=16.0, n_frames=4800, noise=0.4):
    rng = np.random.default_rng(index)
    width = int(3 * rate_hz)
    smooth = np.convolve(rng.standard_normal(n_frames + width), np.ones(width), "valid")
    logit = smooth[:n_frames] / np.sqrt(width) - 2 + noise * rng.standard_normal(n_frames)
    seizures = []
    kinds = ["fnsz", "gnsz", "absz"]
    for k in range(index % 4):
        start = (k + 1) * n_frames // 5 + int(rng.integers(0, 200))
        stop = start + int(rng.integers(5, 60) * rate_hz)
        logit[start:stop] += 3
        seizures.append(Event(start / rate_hz, min(stop, n_frames) / rate_hz, kinds[k]))
    probability = (1 / (1 + np.exp(-logit))).astype(np.float32)
    duration_s = (n_frames - 0.25) / rate_hz
    stem = f"p{index % 4}_s001_t{index:03d}"
    track = Track(stem, rate_hz, probability, duration_s)
    return TrackedRecording(stem, f"p{index % 4}", duration_s, tuple(seizures), track)
