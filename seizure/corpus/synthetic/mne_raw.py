"""A synthetic recording as MNE takes it, with places of the electrodes and the truth as remarks."""

from typing import TYPE_CHECKING

import numpy as np

from seizure.corpus.synthetic.head import ELECTRODES
from seizure.corpus.synthetic.recording import SimulatedRecording

if TYPE_CHECKING:
    from mne.io import RawArray

_OTHERS = {"EKG1": "ecg", "PHOTIC": "misc", "EMG": "emg"}


def to_mne(recording: SimulatedRecording) -> "RawArray":
    """The recording in volts under the electrodes' names, in the file's order and reference.

    Remarks are `origin/cause` of every event of the truth, such as `seizure/temporal`. The 1 Hz
    channels are left out: MNE has one rate for all.

    >>> from seizure.corpus.synthetic import simulate_recording
    >>> raw = to_mne(simulate_recording(duration_s=120))
    >>> raw.get_data(["Fp1", "Cz"]).shape, "seizure/temporal" in raw.annotations.description
    ((2, 48000), True)
    """
    import mne

    spelling = {name.upper(): name for name in ELECTRODES}
    bare = [label.removeprefix("EEG ").rsplit("-", 1)[0] for label in recording.channel_labels]
    names = [spelling.get(name, name) for name in bare]
    kinds = [_OTHERS.get(name, "eeg") for name in bare]
    info = mne.create_info(names, float(recording.rate_hz), kinds)  # pyright: ignore[reportArgumentType]
    raw = mne.io.RawArray(recording.signal_uv.astype(np.float64) * 1e-6, info, verbose="error")
    raw.set_montage("standard_1020", verbose="error")
    truth = recording.truth
    return raw.set_annotations(
        mne.Annotations(
            onset=[event.start_s for event in truth],
            duration=[event.stop_s - event.start_s for event in truth],
            description=[f"{event.origin}/{event.cause}" for event in truth],
        )
    )
