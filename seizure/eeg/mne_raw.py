"""EEG that MNE has loaded, whatever its format, as a recording by the rules of the EDF reader."""

from datetime import datetime, timedelta
from pathlib import Path

import mne
import numpy as np
from mne.io import BaseRaw

from seizure.eeg.edf import assembled
from seizure.eeg.edf_header import EdfHeader
from seizure.eeg.edf_selection import select
from seizure.eeg.edf_signal import EdfSignal
from seizure.eeg.montage import MissingPolicy, Montage
from seizure.eeg.recording import Recording

_UV_PER_V = 1e6


def recording_of_raw(
    raw: BaseRaw,
    missing: MissingPolicy = "interpolate_midline",
    montage: Montage = "referential",
    max_interpolated: int = 3,
) -> Recording:
    """A montage of an `mne.io.Raw`, in µV; a channel that is marked bad counts as absent.

    Channels are found by name among those of type EEG, as in `read_edf`, whose `missing` and
    `max_interpolated` these are. A cropped Raw begins where it was cropped.

    Raises:
        UnreadableRecording: names the file, if there is one, and the reason.

    >>> from seizure.eeg.channels import CANONICAL_19
    >>> noise_v = 2e-5 * np.random.default_rng(0).standard_normal((19, 512))
    >>> info = mne.create_info(list(CANONICAL_19), 256.0, "eeg")
    >>> recording_of_raw(mne.io.RawArray(noise_v, info, verbose="error")).duration_s
    2.0
    """
    picks = mne.pick_types(raw.info, meg=False, eeg=True, exclude="bads")
    rate_hz = float(raw.info["sfreq"])
    # One record a second where that is a whole number of samples, so that the rate comes out exact.
    n_per_record = int(rate_hz) if rate_hz.is_integer() else 1
    header = EdfHeader(
        path=_name_of(raw),
        header_bytes=0,
        n_records=raw.n_times,
        record_s=n_per_record / rate_hz,
        # `first_sample` is the place of the signal among the Raw's channels.
        signals=tuple(EdfSignal(raw.ch_names[i], n_per_record, int(i)) for i in picks),
        start=_local_start(raw),
    )
    selection = select(header, montage, missing, max_interpolated)
    values_v = raw.get_data(picks=np.array([s.first_sample for s in selection.signals]))
    values_uv = (np.asarray(values_v) * _UV_PER_V).astype(np.float32)
    return assembled(header, selection, values_uv, (), montage)


def _name_of(raw: BaseRaw) -> Path:
    names = [name for name in raw.filenames if name is not None]
    return Path(names[0]) if names else Path("raw")


def _local_start(raw: BaseRaw) -> datetime | None:
    """The wall clock when the data begin; MNE keeps it as UTC, EDF knows no time zone."""
    measured = raw.info["meas_date"]
    if measured is None:
        return None
    return (measured + timedelta(seconds=float(raw.first_time))).replace(tzinfo=None)
