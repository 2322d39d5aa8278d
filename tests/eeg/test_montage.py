"""A montage is the same whether it is derived or was recorded, and MNE agrees."""

from itertools import pairwise

import mne
import numpy as np
import pytest

from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19, derivation_name, positions_of
from seizure.eeg.edf import read_edf
from seizure.eeg.montage import MONTAGES, channels_of, derive
from seizure.eeg.recording import UnreadableRecording

OLD_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


def _label(name):
    """A derivation as CHB-MIT writes it."""
    return "-".join(OLD_NAMES.get(electrode, electrode) for electrode in name.split("-")).upper()


def _bipolar(sketch, names=BIPOLAR_18, **changes):
    return sketch(labels=tuple(_label(name) for name in names), **changes)


def test_a_real_bipolar_recording_gives_its_18_derivations_as_mne_reads_them(shared_folder):
    paths = sorted((shared_folder / "data/chb01_03_crop").glob("*.edf"))
    assert len(paths) == 2
    for path in paths:
        recording = read_edf(path, montage="bipolar")
        raw = mne.io.read_raw_edf(path, verbose="error")
        # MNE numbers the two channels called T8-P8.
        labels = [f"{x}-0" if (x := _label(n)) == "T8-P8" else x for n in BIPOLAR_18]
        expected_uv = 1e6 * np.asarray(raw.get_data(labels))
        assert recording.channel_names == BIPOLAR_18
        assert recording.rate_hz == raw.info["sfreq"] == 256
        assert recording.n_samples == 41 * 256
        np.testing.assert_allclose(recording.signal_uv, expected_uv, rtol=1e-6, atol=1e-6)
        assert recording.issues == ("T8-P8 is there twice with the same samples, read once",)
        assert recording.interpolated == ()


def test_a_real_referential_recording_gives_the_montages_that_mne_derives(shared_folder):
    path = min((shared_folder / "data/helsinki_neonatal_30s/edf").glob("*.edf"))
    raw = mne.io.RawArray(
        read_edf(path).signal_uv, mne.create_info(list(CANONICAL_19), 256, "eeg"), verbose="error"
    )
    average = raw.copy().set_eeg_reference("average", verbose="error")
    anodes, cathodes = zip(*(name.split("-") for name in BIPOLAR_18), strict=True)
    bipolar = mne.set_bipolar_reference(
        raw, list(anodes), list(cathodes), list(BIPOLAR_18), verbose="error"
    ).pick(list(BIPOLAR_18))
    for montage, expected in (("average", average), ("bipolar", bipolar)):
        found = read_edf(path, montage=montage)
        assert list(found.channel_names) == expected.ch_names
        np.testing.assert_allclose(found.signal_uv, expected.get_data(), atol=1e-3)


def test_a_common_reference_cancels():
    rng = np.random.default_rng(0)
    electrodes_uv = rng.normal(0, 50, (19, 100)).astype(np.float32)
    shifted_uv = electrodes_uv + rng.normal(0, 50, 100).astype(np.float32)
    for montage in ("average", "bipolar"):
        np.testing.assert_allclose(
            derive(electrodes_uv, montage), derive(shifted_uv, montage), atol=1e-3
        )
    assert derive(electrodes_uv, "average").mean(axis=0) == pytest.approx(0, abs=1e-4)


def test_each_chain_adds_up_to_its_ends():
    electrodes_uv = np.random.default_rng(1).normal(0, 50, (19, 10)).astype(np.float32)
    bipolar_uv = dict(zip(BIPOLAR_18, derive(electrodes_uv, "bipolar"), strict=True))
    for chain in (("Fp1", "F7", "T3", "T5", "O1"), ("Fp2", "F4", "C4", "P4", "O2")):
        links = [f"{a}-{b}" for a, b in pairwise(chain)]
        ends_uv = (
            electrodes_uv[CANONICAL_19.index(chain[0])]
            - electrodes_uv[CANONICAL_19.index(chain[-1])]
        )
        np.testing.assert_allclose(sum(bipolar_uv[link] for link in links), ends_uv, atol=1e-3)


def test_only_the_electrodes_themselves_are_derived_from():
    with pytest.raises(ValueError, match="found 18 electrodes, expected the 19"):
        derive(np.zeros((18, 4), np.float32), "bipolar")


def test_derivations_are_read_in_montage_order_whatever_their_order(sketch, edf_file):
    shuffled = list(np.random.default_rng(3).permutation(BIPOLAR_18))
    drawn = _bipolar(sketch, shuffled)
    recording = read_edf(edf_file(drawn), montage="bipolar")
    for name, found in zip(BIPOLAR_18, recording.signal_uv, strict=True):
        expected = drawn.digital()[shuffled.index(name)].ravel() * 0.1
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_derivation_the_other_way_round_is_turned_and_said(sketch, edf_file):
    names = ("F7-Fp1", *BIPOLAR_18[1:])
    drawn = _bipolar(sketch, names)
    recording = read_edf(edf_file(drawn), montage="bipolar")
    np.testing.assert_allclose(recording.signal_uv[0], -drawn.digital()[0].ravel() * 0.1, atol=1e-3)
    assert "Fp1-F7 read as minus F7-FP1" in recording.issues


def test_two_channels_for_one_derivation_that_differ_are_refused(sketch, edf_file):
    with pytest.raises(UnreadableRecording, match=r"two channels for T4-T6.*different samples"):
        read_edf(edf_file(_bipolar(sketch, (*BIPOLAR_18, "T4-T6"))), montage="bipolar")


def test_a_missing_derivation_is_refused_by_name(sketch, edf_file):
    path = edf_file(_bipolar(sketch, [n for n in BIPOLAR_18 if n not in ("Fz-Cz", "T4-T6")]))
    with pytest.raises(UnreadableRecording, match="missing derivations Fz-Cz, T4-T6"):
        read_edf(path, montage="bipolar", missing="interpolate")


@pytest.mark.parametrize("montage", ["referential", "average"])
def test_a_bipolar_file_says_why_it_has_no_electrodes(sketch, edf_file, montage):
    with pytest.raises(UnreadableRecording, match=rf"montage={montage} needs.*montage=bipolar"):
        read_edf(edf_file(_bipolar(sketch)), montage=montage)


def test_a_montage_includes_what_was_interpolated(sketch, edf_file):
    labels = tuple(x for x in sketch().labels if "FZ" not in x)
    path = edf_file(sketch(labels=labels))
    whole = read_edf(path)
    for montage in ("average", "bipolar"):
        recording = read_edf(path, montage=montage)
        assert recording.interpolated == ("Fz",)
        np.testing.assert_array_equal(recording.signal_uv, derive(whole.signal_uv, montage))


@pytest.mark.parametrize(
    ("label", "name"),
    [("T8-P8", "T4-T6"), ("T8-P8-0", "T4-T6"), ("EEG FP1-F7", "Fp1-F7"), ("P7-T7", "T5-T3"),
     ("FP1-REF", None), ("T7-FT9", None), ("EKG1-EKG2", None), ("-", None), ("C3-A2", None)],
)  # fmt: skip
def test_a_label_names_a_derivation_only_if_both_electrodes_are_of_the_19(label, name):
    assert derivation_name(label) == name


@pytest.mark.parametrize("montage", MONTAGES)
def test_every_channel_of_every_montage_has_a_place_of_its_own(montage):
    places = positions_of(channels_of(montage))
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1)
    chord = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(chord, 2)
    assert chord.min() > 0.2


def test_a_derivation_lies_between_its_electrodes():
    first, second, between = positions_of(("F7", "T3", "F7-T3"))
    np.testing.assert_allclose(np.linalg.norm(between - first), np.linalg.norm(between - second))
    np.testing.assert_allclose(positions_of(("T3-F7",))[0], between)


def test_what_has_no_place_is_named():
    with pytest.raises(ValueError, match=r"known for FT9, Cz-A1; expected"):
        positions_of(("Cz", "FT9", "Cz-A1"))
