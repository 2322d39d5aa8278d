"""A small corpus of real EDF files, and one prepared recording."""

from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pytest

from seizure.cache.shard import STATISTICS, PreparedRecording
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.channels import CANONICAL_19

HEAD = "# duration = {:.4f} secs\n#\nchannel,start_time,stop_time,label,confidence\n"


def _write_recording(
    root: Path,
    split: str,
    patient: str,
    number: int = 0,
    duration_s: int = 20,
    rate_hz: int = 250,
    rows: str = "TERM,5.0000,9.0000,seiz,1.0000\n",
) -> Path:
    folder = root / "edf" / split / patient / "s001" / "01_tcp_ar"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{patient}_s001_t{number:03d}.edf"
    rng = np.random.default_rng([number, *patient.encode(), *split.encode()])
    signals = [
        edfio.EdfSignal(
            rng.normal(200, 20 + i, duration_s * rate_hz).clip(-4000, 4000),
            rate_hz,
            label=f"EEG {name.upper()}-REF",
            physical_dimension="uV",
            physical_range=(-5000, 5000),
        )
        for i, name in enumerate(CANONICAL_19)
    ]
    edfio.Edf(signals).write(path)
    path.with_suffix(".csv_bi").write_text(HEAD.format(duration_s) + rows)
    return path


@pytest.fixture
def write_recording() -> Callable[..., Path]:
    """Writes one annotated EDF file into a TUSZ tree and gives its path."""
    return _write_recording


@pytest.fixture
def corpus(tmp_path: Path) -> TuszCorpus:
    """Five recordings of four patients in three splits."""
    root = tmp_path / "corpus"
    _write_recording(root, "train", "aaaaaaaa")
    _write_recording(root, "train", "aaaaaaaa", 1, duration_s=12)
    _write_recording(root, "train", "aaaaaaab", rows="TERM,0.0,20.0,bckg,1\n", rate_hz=256)
    _write_recording(root, "dev", "aaaaaaac", rate_hz=400)
    _write_recording(root, "eval", "aaaaaaad", rate_hz=512)
    return TuszCorpus(root)


@pytest.fixture
def prepared() -> PreparedRecording:
    """Three channels of 1001 samples, with two events."""
    rng = np.random.default_rng(0)
    columns = {name: rng.random(3, dtype=np.float32) for name in STATISTICS}
    return PreparedRecording(
        signal=rng.integers(-32767, 32768, (3, 1001)).astype(np.int16),
        **columns,
        events=np.array([[3, 70], [100, 1001]], np.int64),
        event_type=np.array([1, 5], np.uint8),
        meta={
            "stem": "a_s001_t000", "patient": "a", "session": "s001", "split": "train",
            "fingerprint": "0123456789abcdef", "rate_hz": 256.0,
            "channel_names": ["Fz", "Cz", "Pz"], "issues": ["odd: µV"],
        },
    )  # fmt: skip
