"""With `missing=mask` what was not recorded is said, and has no part in what was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19, canonical_name
from seizure.eeg.edf import read_edf
from seizure.eeg.recording import UnreadableRecording


def lacking(sketch, absent):
    return sketch(labels=tuple(x for x in sketch().labels if canonical_name(x) not in absent))


@settings(max_examples=25, deadline=None)
@given(absent=st.sets(st.sampled_from(CANONICAL_19), max_size=17))
def test_absent_electrodes_are_masked_and_the_others_as_recorded(sketch, tmp_path_factory, absent):
    path = tmp_path_factory.mktemp("edf") / "recording.edf"
    drawn = lacking(sketch, absent)
    path.write_bytes(drawn.to_bytes())
    found = read_edf(path, "mask")
    assert set(found.masked) == absent
    assert found.interpolated == ()
    assert found.channel_names == CANONICAL_19
    for name, row in zip(CANONICAL_19, found.signal_uv, strict=True):
        expected = np.zeros_like(row) if name in absent else drawn.microvolts(name)
        np.testing.assert_allclose(row, expected, atol=1e-3)


def test_the_average_is_that_of_what_was_recorded(sketch, edf_file):
    path = edf_file(lacking(sketch, ("Fz", "T5")))
    electrodes, average = read_edf(path, "mask"), read_edf(path, "mask", "average")
    assert average.masked == ("T5", "Fz")
    kept = [CANONICAL_19.index(n) for n in CANONICAL_19 if n not in ("Fz", "T5")]
    recorded_uv = electrodes.signal_uv[kept]
    expected = recorded_uv - recorded_uv.mean(axis=0)
    np.testing.assert_allclose(average.signal_uv[kept], expected, atol=1e-3)


def test_a_derivation_needs_both_electrodes(sketch, edf_file):
    path = edf_file(lacking(sketch, ("Fp1", "Cz")))
    found, electrodes = read_edf(path, "mask", "bipolar"), read_edf(path, "mask").signal_uv
    assert found.masked == ("Fp1-F7", "Fp1-F3", "Fz-Cz", "Cz-Pz")
    for name, row in zip(BIPOLAR_18, found.signal_uv, strict=True):
        first, second = (electrodes[CANONICAL_19.index(end)] for end in name.split("-"))
        expected = 0 * first if name in found.masked else first - second
        np.testing.assert_array_equal(row, expected)


def test_derivations_that_were_not_recorded_are_masked_too(sketch, edf_file):
    absent = ("Fz-Cz", "T4-T6")
    names = tuple(n for n in BIPOLAR_18 if n not in absent)
    drawn = sketch(labels=(*(f"EEG {n.upper()}" for n in names), "EKG"))
    found = read_edf(edf_file(drawn), "mask", "bipolar")
    assert set(found.masked) == set(absent)
    for row, name in enumerate(names):
        recorded = found.signal_uv[BIPOLAR_18.index(name)]
        np.testing.assert_allclose(recorded, drawn.digital()[row].ravel() * 0.1, atol=1e-3)
    assert not found.signal_uv[[BIPOLAR_18.index(n) for n in absent]].any()


@pytest.mark.parametrize("montage", ["referential", "bipolar"])
def test_one_channel_is_too_few(sketch, edf_file, montage):
    left = {"referential": ("Cz",), "bipolar": ("Cz", "Pz")}[montage]
    path = edf_file(lacking(sketch, [n for n in CANONICAL_19 if n not in left]))
    with pytest.raises(UnreadableRecording, match="at least 2 channels must be left"):
        read_edf(path, "mask", montage)
