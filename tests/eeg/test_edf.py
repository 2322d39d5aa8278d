"""EDF files become 19 electrodes in µV by name, or are refused for the right reason."""

import mne
import numpy as np
import pytest

from seizure.eeg.channels import CANONICAL_19, canonical_name
from seizure.eeg.edf import read_edf
from seizure.eeg.recording import UnreadableRecording

WITHOUT_MIDLINE = [n for n in CANONICAL_19 if n not in ("Fz", "Pz")]


def test_real_recordings_agree_with_mne(shared_folder):
    paths = sorted((shared_folder / "data/helsinki_neonatal_30s/edf").glob("*.edf"))
    assert len(paths) == 31
    for path in paths:
        recording = read_edf(path)
        raw = mne.io.read_raw_edf(path, verbose="error")
        by_name = {canonical_name(label): label for label in raw.ch_names}
        expected_uv = 1e6 * np.asarray(raw.get_data([by_name[n] for n in CANONICAL_19]))
        np.testing.assert_allclose(recording.signal_uv, expected_uv, rtol=1e-6, atol=1e-6)
        assert recording.channel_names == CANONICAL_19
        assert recording.rate_hz == raw.info["sfreq"] == 256
        assert recording.interpolated == recording.issues == ()


def test_real_bipolar_recordings_are_refused_as_bipolar(shared_folder):
    for path in (shared_folder / "data/chb01_03_crop").glob("*.edf"):
        with pytest.raises(
            UnreadableRecording,
            match="bipolar derivations; referential electrodes cannot be recovered",
        ):
            read_edf(path)


def test_channels_come_in_canonical_order_whatever_their_order_in_the_file(sketch, edf_file):
    labels = list(sketch().labels)
    np.random.default_rng(3).shuffle(labels)
    shuffled = sketch(labels=tuple(labels))
    recording = read_edf(edf_file(shuffled))
    for electrode, found in zip(CANONICAL_19, recording.signal_uv, strict=True):
        np.testing.assert_allclose(found, shuffled.microvolts(electrode), atol=1e-3)


def test_extra_channels_at_other_rates_are_ignored(sketch, edf_file):
    extra = ("EEG EKG1-REF", "IBI", "BURSTS", "PHOTIC-REF", "EEG A1-REF")
    mixed = sketch(
        labels=(*extra[:2], *sketch().labels, *extra[2:]),
        samples_per_record=(100, 1, *(250,) * 19, 1, 250, 500),
    )
    recording = read_edf(edf_file(mixed))
    assert recording.rate_hz == 250
    for electrode, found in zip(CANONICAL_19, recording.signal_uv, strict=True):
        np.testing.assert_allclose(found, mixed.microvolts(electrode), atol=1e-3)


def test_a_file_longer_than_one_block_is_read_whole(sketch, edf_file, monkeypatch):
    monkeypatch.setattr("seizure.eeg.edf._BLOCK_BYTES", 3 * 2 * 19 * 250)
    long = sketch(n_records=10)
    recording = read_edf(edf_file(long))
    np.testing.assert_allclose(recording.signal_uv[0], long.microvolts("Fp1"), atol=1e-3)


@pytest.mark.parametrize("absent", [("Fz",), ("Pz",), ("Fz", "Pz")])
def test_missing_midline_is_interpolated_and_said(sketch, edf_file, absent):
    labels = tuple(x for x in sketch().labels if canonical_name(x) not in absent)
    recording = read_edf(edf_file(sketch(labels=labels)))
    assert recording.channel_names == CANONICAL_19
    assert recording.interpolated == absent
    with pytest.raises(UnreadableRecording, match=f"missing electrodes {', '.join(absent)}"):
        read_edf(edf_file(sketch(labels=labels)), missing="refuse")


def test_any_other_missing_electrode_is_refused_by_name(sketch, edf_file):
    labels = tuple(x for x in sketch().labels if canonical_name(x) not in ("T5", "Fz"))
    with pytest.raises(UnreadableRecording, match="missing electrodes T5, Fz"):
        read_edf(edf_file(sketch(labels=labels)))


def test_two_channels_for_one_electrode_are_refused(sketch, edf_file):
    labels = (*sketch().labels, "T7")
    with pytest.raises(UnreadableRecording, match=r"two channels for T3.*'EEG T3-REF' and 'T7'"):
        read_edf(edf_file(sketch(labels=labels)))


def test_electrodes_with_different_references_are_read_and_said(sketch, edf_file):
    labels = ("EEG FP1-LE", *sketch().labels[1:])
    assert read_edf(edf_file(sketch(labels=labels))).issues == ("different references: LE, REF",)


def test_all_constant_electrodes_are_refused_and_one_is_said(sketch, edf_file):
    silent = sketch(n_records=2)
    content = bytearray(silent.to_bytes())
    content[256 * 20 :] = bytes(len(content) - 256 * 20)
    with pytest.raises(UnreadableRecording, match="every electrode is constant"):
        read_edf(edf_file(bytes(content)))
    content = bytearray(silent.to_bytes())
    for record in range(2):
        start = 256 * 20 + record * 2 * 19 * 250
        content[start : start + 500] = bytes(500)
    assert "constant: Fp1" in read_edf(edf_file(bytes(content))).issues


def test_samples_outside_the_digital_range_are_said(sketch, edf_file):
    narrow = sketch(digital_min="-500", digital_max="500", physical_min="-50", physical_max="50")
    recording = read_edf(edf_file(narrow))
    assert any("outside the stated digital range" in issue for issue in recording.issues)
    np.testing.assert_allclose(recording.signal_uv[0], narrow.microvolts("Fp1"), atol=1e-3)


def _plus(sketch, kind, onsets_s):
    return sketch(
        labels=(*sketch().labels, "EDF Annotations"),
        samples_per_record=(250,) * 19 + (30,),
        n_records=len(onsets_s),
        reserved=kind,
        record_tails=[f"+{onset}\x14\x14\0".encode() for onset in onsets_s],
    )


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
def test_records_without_gaps_are_read_even_if_they_might_have_had_some(sketch, edf_file, kind):
    assert read_edf(edf_file(_plus(sketch, kind, [0, 1, 2, 3]))).n_samples == 1000
    assert read_edf(edf_file(_plus(sketch, kind, ["7.5", "8.5", "9.500"]))).n_samples == 750


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
def test_a_gap_is_refused_with_its_place(sketch, edf_file, kind):
    with pytest.raises(UnreadableRecording, match="gap before record 2: it starts at 10 s"):
        read_edf(edf_file(_plus(sketch, kind, [0, 1, 10, 11])))


def test_a_discontinuous_file_without_times_is_refused(sketch, edf_file):
    with pytest.raises(UnreadableRecording, match="gaps cannot be excluded"):
        read_edf(edf_file(sketch(reserved="EDF+D")))
