"""What happens to a recording that lacks electrodes is what the policy says."""

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure.eeg.channels import CANONICAL_19, POSITIONS, canonical_name
from seizure.eeg.edf import read_edf
from seizure.eeg.montage import MONTAGES
from seizure.eeg.recording import UnreadableRecording


def _without(sketch, absent):
    return sketch(labels=tuple(x for x in sketch().labels if canonical_name(x) not in absent))


@settings(max_examples=40, deadline=None)
@given(
    absent=st.sets(st.sampled_from(CANONICAL_19), max_size=6),
    missing=st.sampled_from(["refuse", "interpolate_midline", "interpolate"]),
    max_interpolated=st.integers(0, 6),
)
def test_what_is_missing_is_interpolated_or_refused_as_the_policy_says(
    sketch, tmp_path_factory, absent, missing, max_interpolated
):
    path = tmp_path_factory.mktemp("edf") / "recording.edf"
    drawn = _without(sketch, absent)
    path.write_bytes(drawn.to_bytes())
    may = {
        "refuse": not absent,
        "interpolate_midline": absent <= {"Fz", "Pz"},
        "interpolate": len(absent) <= max_interpolated,
    }
    if not may[missing]:
        with pytest.raises(UnreadableRecording, match="missing electrodes") as caught:
            read_edf(path, missing, max_interpolated=max_interpolated)
        assert all(name in caught.value.reason for name in absent)
        return
    recording = read_edf(path, missing, max_interpolated=max_interpolated)
    assert set(recording.interpolated) == absent
    assert recording.channel_names == CANONICAL_19
    for name in set(CANONICAL_19) - absent:
        found = recording.signal_uv[CANONICAL_19.index(name)]
        np.testing.assert_allclose(found, drawn.microvolts(name), atol=1e-3)


def test_interpolation_is_mne_s(shared_folder, sketch, edf_file):
    path = max((shared_folder / "data/helsinki_neonatal_30s/edf").glob("*.edf"))
    whole = read_edf(path)
    info = mne.create_info(list(CANONICAL_19), 256, "eeg", verbose="error")
    raw = mne.io.RawArray(whole.signal_uv.astype(np.float64), info, verbose="error")
    places_m = dict(zip(CANONICAL_19, 0.095 * POSITIONS, strict=True))
    raw.set_montage(mne.channels.make_dig_montage(places_m, coord_frame="head"))
    raw.info["bads"] = ["T5", "Cz", "F8"]
    expected = raw.interpolate_bads(origin=np.zeros(3), verbose="error").get_data()
    content = bytearray(path.read_bytes())
    for electrode in (b"T5", b"Cz", b"F8"):  # hidden under names that nobody looks for
        at = content.upper().index(b"EEG " + electrode.upper() + b"-")
        content[at : at + 16] = b"X" + electrode.ljust(15)
    found = read_edf(edf_file(bytes(content)), "interpolate", max_interpolated=3)
    assert found.interpolated == ("T5", "Cz", "F8")
    np.testing.assert_allclose(found.signal_uv, expected, atol=2e-2)


def test_the_fix_is_named(sketch, edf_file):
    path = edf_file(_without(sketch, ("T5", "C3")))
    with pytest.raises(UnreadableRecording, match=r"C3, T5 .*only Fz and Pz are interpolated"):
        read_edf(path)
    with pytest.raises(UnreadableRecording, match=r"preprocess\.max_interpolated=1"):
        read_edf(path, "interpolate", max_interpolated=1)


def test_channels_that_a_program_filled_in_are_said(sketch, edf_file):
    drawn = sketch(n_records=3)
    content = bytearray(drawn.to_bytes())
    for record in range(3):
        start = 256 * 20 + record * 2 * 19 * 250
        content[start : start + 500] = content[start + 500 : start + 1000]
    assert "identical: Fp1, Fp2" in read_edf(edf_file(bytes(content))).issues


def test_a_device_behind_the_ear_is_refused_for_what_it_is(sketch, edf_file):
    path = edf_file(sketch(labels=("BTEleft SD", "BTEright SD", "CROSStop SD")))
    for montage in MONTAGES:
        with pytest.raises(UnreadableRecording) as caught:
            read_edf(path, "interpolate", montage, max_interpolated=9)
        assert "no electrode of the 10-20 system" in caught.value.reason
        assert f"gives no {montage} montage" in caught.value.reason
        assert "BTEleft SD, BTEright SD, CROSStop SD" in caught.value.reason
