"""A label names an electrode only if it is referential."""

import mne
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.channels import (
    BIPOLAR_18,
    CANONICAL_19,
    POSITIONS,
    canonical_name,
    is_bipolar,
    mirror_order,
    positions_of,
)

OLD_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


@given(
    name=st.sampled_from(CANONICAL_19),
    prefix=st.sampled_from(["", "EEG ", "eeg ", "EEG  "]),
    reference=st.sampled_from(["", "-REF", "-LE", "-Ref", "-Avg", "-AR", "-A1", " - ref"]),
    change_case=st.sampled_from([str, str.upper, str.lower]),
    renamed=st.booleans(),
)
def test_every_spelling_of_an_electrode_is_that_electrode(
    name, prefix, reference, change_case, renamed
):
    written = OLD_NAMES.get(name, name) if renamed else name
    assert canonical_name(f" {prefix}{change_case(written)}{reference} ") == name


@given(st.sampled_from(CANONICAL_19), st.sampled_from(CANONICAL_19), st.sampled_from(["", "-1"]))
def test_a_derivation_of_two_electrodes_is_never_one_of_them(first, second, suffix):
    for label in (f"{first}-{second}{suffix}", f"EEG {first.upper()}-{second.upper()}{suffix}"):
        assert canonical_name(label) is None
        assert is_bipolar(label)


@pytest.mark.parametrize(
    "label",
    ["ECG EKG-REF", "Resp Effort", "EEG A1-REF", "PHOTIC-REF", "EMG-REF", "IBI", "BURSTS", "SUPPR",
     "C3P", "EEG C3P-REF", "T1", "EEG 20-REF", "Fp", "F", "", "-", "FP1-", "EDF Annotations",
     "Fp1-Unknown", "FT9-FT10", "EEG ROC-REF", "FP1 F7", "F3F4"],
)  # fmt: skip
def test_anything_else_is_no_electrode(label):
    assert canonical_name(label) is None


def test_positions_are_unit_vectors_where_mne_has_the_electrodes():
    np.testing.assert_allclose(np.linalg.norm(POSITIONS, axis=1), 1)
    known = mne.channels.make_standard_montage("biosemi64").get_positions()["ch_pos"]
    modern = [OLD_NAMES.get(name, name) for name in CANONICAL_19]
    theirs = np.stack([known[name] for name in modern])
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    angle_deg = np.rad2deg(np.arccos(np.clip((theirs * POSITIONS).sum(1), -1, 1)))
    assert angle_deg.max() < 9


def test_left_and_right_mirror_each_other():
    place = dict(zip(CANONICAL_19, POSITIONS, strict=True))
    for left, right in (("Fp1", "Fp2"), ("F7", "F8"), ("T5", "T6"), ("P3", "P4"), ("O1", "O2")):
        np.testing.assert_allclose(place[left] * [-1, 1, 1], place[right], atol=1e-12)


@pytest.mark.parametrize("names", [CANONICAL_19, BIPOLAR_18, tuple(reversed(CANONICAL_19))])
def test_the_mirrored_channel_lies_at_the_mirrored_place(names):
    positions = positions_of(names)
    np.testing.assert_allclose(
        positions[list(mirror_order(names))], positions * [-1, 1, 1], atol=1e-12
    )
    midline = [name for name in names if not set(name) & set("12345678")]
    assert midline
    assert all(names[mirror_order(names)[names.index(name)]] == name for name in midline)


def test_a_channel_without_a_mirror_image_is_named():
    with pytest.raises(ValueError, match=r"found T3 without .* expected T4 too"):
        mirror_order(("T3", "Cz"))
