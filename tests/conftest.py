"""What several rooms' tests share: a tiny cache, and the synthetic corpus of minutes."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

from seizure.cache.index import CacheIndex
from seizure.cache.shard import PreparedRecording, write_shard
from seizure.eeg.channels import CANONICAL_19

RATE_HZ = 256.0


def write_tiny_cache(folder: Path, n_per_split: int = 3, seconds: float = 150.0) -> CacheIndex:
    """A cache of noise with a louder, slower stretch wherever a seizure is annotated."""
    rng = np.random.default_rng(0)
    for split in ("train", "dev", "eval"):
        for number in range(n_per_split):
            n_samples = int((seconds + 7.3 * number) * RATE_HZ)
            signal_uv = rng.normal(0, 10, (19, n_samples))
            events = np.array([[40, 55 + 10 * number]]) * int(RATE_HZ)
            ictal = slice(*events[0].tolist())
            time_s = np.arange(n_samples)[ictal] / RATE_HZ
            signal_uv[:, ictal] += 60 * np.sin(2 * np.pi * 4 * time_s)
            signal = np.clip(np.rint(signal_uv / 0.02), -32767, 32767).astype(np.int16)
            stem = f"{split}p{number}_s001_t000"
            prepared = PreparedRecording(
                signal=signal,
                scale_uv=np.full(19, 0.02, np.float32),
                mean_uv=signal_uv.mean(1).astype(np.float32),
                std_uv=signal_uv.std(1).astype(np.float32),
                median_uv=np.median(signal_uv, 1).astype(np.float32),
                iqr_uv=np.subtract(*np.percentile(signal_uv, [75, 25], 1)).astype(np.float32),
                events=events.astype(np.int64),
                event_type=np.ones(1, np.uint8),
                meta={
                    "stem": stem,
                    "patient": f"{split}p{number}",
                    "session": "s001",
                    "split": split,
                    "rate_hz": RATE_HZ,
                    "n_samples": n_samples,
                    "channel_names": list(CANONICAL_19),
                    "fingerprint": "none",
                },
            )
            write_shard(folder / split / f"{stem}.npz", prepared)
    return CacheIndex.rebuild(folder)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CacheIndex]:
    """Nine recordings of noise, one seizure each, in three splits."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, write_tiny_cache(folder)
