"""The preparation and files that the cache replaces, made again for comparison.

The original read an EDF file with MNE, filtered it with MNE's default FIR filters, resampled it,
cut windows of 60 s every 10 s (each sample is stored six times) and wrote them in float32 with
`numpy.savez_compressed`; to return one window it loaded the recording's whole array.
"""

from pathlib import Path

import mne
import numpy as np
from numpy.typing import NDArray

from seizure.corpus.entry import CorpusRecording
from seizure.corpus.synthetic import SyntheticSpec, make_corpus
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.channels import CANONICAL_19

RATE_HZ, WINDOW_S, STRIDE_S = 256, 60, 10


def synthetic_recordings(folder: Path, hours: float, recording_min: float) -> list[CorpusRecording]:
    """EDF files of TUSZ's form, written if they are not there: 250 Hz, 16 bits."""
    spec = SyntheticSpec(
        train_hours=hours, dev_hours=0.0, eval_hours=0.0, recording_min=recording_min
    )
    make_corpus(folder, spec, jobs=1)
    return list(TuszCorpus(folder).recordings())


def original_windows(edf: Path) -> NDArray[np.float32]:
    """Filtered windows (window, channel, sample) in µV of those of the 19 electrodes it has."""
    raw = mne.io.read_raw_edf(edf, preload=True, verbose="error")
    labels = {name.upper().removeprefix("EEG ").partition("-")[0]: name for name in raw.ch_names}
    raw.pick([labels[name.upper()] for name in CANONICAL_19 if name.upper() in labels])
    raw.filter(0.5, 120.0, n_jobs=1, verbose="error")
    raw.notch_filter(60.0, n_jobs=1, verbose="error")
    raw.resample(RATE_HZ, n_jobs=1, verbose="error")
    signal_uv = np.asarray(raw.get_data(units="uV")).astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(signal_uv, WINDOW_S * RATE_HZ, axis=1)
    return np.ascontiguousarray(views[:, :: STRIDE_S * RATE_HZ].swapaxes(0, 1))


def write_original(path: Path, windows: NDArray[np.float32]) -> None:
    """All windows of a recording in one compressed file."""
    np.savez_compressed(path, windows=windows)


def read_original(path: Path, window: int) -> NDArray[np.float32]:
    """One window (19, sample), for which the whole array is read and inflated."""
    with np.load(path, allow_pickle=False) as archive:
        return archive["windows"][window]
