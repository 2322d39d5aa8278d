"""EEG loaded by MNE becomes the recording that the EDF reader gives, or is refused as there."""

from datetime import datetime

import edfio
import mne
import numpy as np
import pytest

from seizure.eeg.channels import CANONICAL_19
from seizure.eeg.edf import read_edf
from seizure.eeg.mne_raw import recording_of_raw
from seizure.eeg.recording import UnreadableRecording

RATE_HZ = 250


@pytest.fixture
def edf(tmp_path):
    """Twenty seconds with the electrodes out of order and an ECG among them."""
    rng = np.random.default_rng(0)
    labels = [f"EEG {name.upper()}-REF" for name in reversed(CANONICAL_19)]
    signals = [
        edfio.EdfSignal(rng.normal(0, 20, 20 * RATE_HZ), RATE_HZ, label=label,
                        physical_dimension="uV", physical_range=(-200, 200))
        for label in ("ECG", *labels)
    ]  # fmt: skip
    path = tmp_path / "night.edf"
    edfio.Edf(signals, starttime=None).write(path)
    return path


def load(path, **more):
    return mne.io.read_raw_edf(path, preload=True, verbose="error", **more)


@pytest.mark.parametrize("montage", ["referential", "average", "bipolar"])
def test_a_file_that_mne_read_is_the_recording_that_we_read(edf, montage):
    expected = read_edf(edf, montage=montage)
    found = recording_of_raw(load(edf), montage=montage)
    # MNE computes in volts and float64.
    np.testing.assert_allclose(found.signal_uv, expected.signal_uv, atol=1e-4)
    assert found.channel_names == expected.channel_names
    assert (found.rate_hz, found.issues) == (expected.rate_hz, expected.issues)


def test_a_cropped_raw_begins_where_it_was_cropped(edf):
    raw = load(edf).crop(4.0, 8.0, include_tmax=False)
    raw.set_meas_date(datetime.fromisoformat("2026-01-02T03:04:05+00:00"))
    found = recording_of_raw(raw)
    assert found.duration_s == 4.0
    assert found.start == datetime(2026, 1, 2, 3, 4, 9)
    whole = read_edf(edf).signal_uv
    np.testing.assert_allclose(found.signal_uv, whole[:, 1000:2000], atol=1e-4)


def test_a_bad_channel_is_absent_and_the_policy_decides(edf):
    raw = load(edf)
    raw.info["bads"] = ["EEG FZ-REF"]
    assert recording_of_raw(raw).interpolated == ("Fz",)
    with pytest.raises(UnreadableRecording, match=r"night\.edf: missing electrodes Fz"):
        recording_of_raw(raw, missing="refuse")
    raw.info["bads"] = ["EEG T3-REF"]
    with pytest.raises(UnreadableRecording, match="missing electrodes T3"):
        recording_of_raw(raw)


def test_what_is_not_of_type_eeg_takes_no_part(edf):
    raw = load(edf)
    raw.set_channel_types({"EEG CZ-REF": "misc"}, verbose="error")
    with pytest.raises(UnreadableRecording, match="missing electrodes Cz"):
        recording_of_raw(raw)
