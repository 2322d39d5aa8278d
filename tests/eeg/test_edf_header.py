"""Every fault of a header becomes correct data or a refusal that names it."""

import numpy as np
import pytest

from seizure.eeg.edf import audit_header, read_edf
from seizure.eeg.recording import UnreadableRecording


@pytest.mark.parametrize(
    "changes",
    [
        {"start_date": "99.99.99"},
        {"start_date": ""},
        {"start_time": "10.99.99"},
        {"start_time": "\0\0"},
        {"announced_records": "-1"},
        {"announced_records": "9"},
        {"announced_records": ""},
        {"header_bytes": "5000"},
        {"header_bytes": ""},
        {"physical_min": "-3276,8", "physical_max": "3276,7"},
        {"record_s": "1,0"},
        {"unit": "µV"},
        {"unit": "\xc2\xb5V"},
        {"unit": "UV"},
        {"unit": "mV", "physical_min": "-3.2768", "physical_max": "3.2767"},
        {
            "unit": "V",
            "physical_min": "-.003276",
            "physical_max": ".003276",
            "digital_min": "-32760",
            "digital_max": "32760",
        },
        {"reserved": "EDF+C"},
    ],
)
def test_a_harmless_fault_gives_the_right_microvolts(sketch, edf_file, changes):
    recording = read_edf(edf_file(sketch(**changes)))
    assert recording.rate_hz == 250
    for electrode in ("Fp1", "Cz", "O2"):
        found = recording.signal_uv[recording.channel_names.index(electrode)]
        np.testing.assert_allclose(found, sketch().microvolts(electrode), rtol=1e-4, atol=0.01)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": b"\xffBIOSEM"}, "not an EDF or BDF file"),
        ({"version": b"\x1f\x8b\x08"}, "damaged gzip stream"),
        ({"version": b"RIFF"}, "not an EDF or BDF file"),
        ({"n_signals": ""}, "number of signals"),
        ({"n_signals": "0"}, "number of signals"),
        ({"record_s": "0"}, "record duration of '0'"),
        ({"record_s": "nan"}, "record duration of 'nan'"),
        ({"record_s": ""}, "record duration of ''"),
        ({"header_bytes": "5000", "announced_records": "-1"}, "header_bytes '5000'"),
        ({"physical_min": "10", "physical_max": "10"}, "physical minimum = maximum"),
        ({"physical_min": "1.234,5"}, "physical_min '1.234,5'"),
        ({"physical_max": "inf"}, "physical_max 'inf'"),
        ({"digital_min": "100", "digital_max": "100"}, "digital range"),
        ({"digital_max": "8388607"}, "digital range"),
        ({"unit": ""}, "unit ''"),
        ({"unit": "mmHg"}, "unit 'mmHg'"),
        ({"unit": "V"}, "the unit is probably wrong"),
        ({"unit": "mV"}, "the unit is probably wrong"),
        ({"physical_min": "-.003276", "physical_max": ".003276"}, "the unit is probably wrong"),
        ({"samples_per_record": (0,) + (250,) * 18}, "samples per record"),
        ({"samples_per_record": (251,) + (250,) * 18}, "different rates"),
        ({"record_s": "100"}, "2.5 Hz, expected 20"),
        ({"record_s": "1e-300"}, "the duration of a record is probably wrong"),
    ],
)
def test_a_harmful_fault_is_refused_with_its_reason(sketch, edf_file, changes, reason):
    path = edf_file(sketch(**changes))
    with pytest.raises(UnreadableRecording) as caught:
        read_edf(path)
    assert reason in caught.value.reason
    assert str(path) in str(caught.value)


def test_a_header_without_data_is_refused(sketch, edf_file):
    with pytest.raises(UnreadableRecording, match="no complete data record"):
        audit_header(edf_file(sketch().to_bytes()[: 256 * 20]))


@pytest.mark.parametrize("n_bytes", [0, 1, 100, 256, 257, 256 * 20 - 1])
def test_a_truncated_header_is_refused(sketch, edf_file, n_bytes):
    with pytest.raises(UnreadableRecording, match=r"truncated header|not an EDF"):
        audit_header(edf_file(sketch().to_bytes()[:n_bytes]))


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(UnreadableRecording, match=r"nowhere\.edf"):
        audit_header(tmp_path / "nowhere.edf")


def test_truncated_data_keep_their_complete_records_and_say_so(sketch, edf_file):
    whole = sketch()
    recording = read_edf(edf_file(whole.to_bytes()[:-1]))
    assert recording.n_samples == 3 * 250
    assert recording.is_truncated
    assert any("4 records announced, 3 complete" in issue for issue in recording.issues)
    np.testing.assert_allclose(recording.signal_uv[0], whole.microvolts("Fp1")[:750], atol=1e-3)


def test_more_records_than_announced_are_left_and_said(sketch, edf_file):
    recording = read_edf(edf_file(sketch(announced_records="3")))
    assert recording.n_samples == 750
    assert any("only the announced 3" in issue for issue in recording.issues)


def test_a_few_bytes_after_the_last_record_are_left_and_said(sketch, edf_file):
    whole = sketch()
    recording = read_edf(edf_file(whole.to_bytes() + bytes(257)))
    assert any("257 bytes after the last record" in issue for issue in recording.issues)
    np.testing.assert_allclose(recording.signal_uv[0], whole.microvolts("Fp1"), atol=1e-3)


def test_left_over_bytes_beyond_many_records_are_refused(sketch, edf_file):
    with pytest.raises(UnreadableRecording, match="layout in the header is wrong"):
        audit_header(edf_file(sketch(announced_records="3").to_bytes() + b"\0\0\0"))


@pytest.mark.parametrize("n_samples", [1, 50, 99, 101, 200, 350, 3000])
@pytest.mark.parametrize("place", [0, 10, 19])
def test_a_wrong_number_of_samples_never_looks_like_a_truncated_file(
    sketch, edf_file, place, n_samples
):
    labels = list(sketch().labels)
    labels[place:place] = ["ECG"]
    samples = [250] * 19
    samples[place:place] = [100]
    whole = sketch(labels=tuple(labels), samples_per_record=tuple(samples), n_records=10)
    content = bytearray(whole.to_bytes())
    field = 256 + 20 * (256 - 32 - 8) + 8 * place
    content[field : field + 8] = str(n_samples).ljust(8).encode()
    with pytest.raises(UnreadableRecording, match="one of the two is wrong"):
        read_edf(edf_file(bytes(content)))


def test_without_a_number_of_records_only_whole_ones_are_believed(sketch, edf_file):
    content = sketch(announced_records="-1").to_bytes()
    assert read_edf(edf_file(content)).n_samples == 1000
    with pytest.raises(UnreadableRecording, match="nothing confirms the layout"):
        read_edf(edf_file(content[:-1]))


def test_a_fault_of_an_unneeded_channel_does_no_harm(sketch, edf_file):
    labels = (*sketch().labels, "DC1", "IBI")
    broken = sketch(
        labels=labels,
        samples_per_record=(250,) * 20 + (1,),
        unit=["uV"] * 19 + ["", "ms"],
        physical_min=["-3276.8"] * 19 + ["0", "0"],
        physical_max=["3276.7"] * 19 + ["0", "0"],
    )
    recording = read_edf(edf_file(broken))
    found = recording.signal_uv[recording.channel_names.index("Pz")]
    np.testing.assert_allclose(found, broken.microvolts("Pz"), atol=1e-3)


def test_inverted_polarity_is_read_as_inverted_and_said(sketch, edf_file):
    turned = sketch(physical_min="3276.7", physical_max="-3276.8")
    recording = read_edf(edf_file(turned))
    np.testing.assert_allclose(recording.signal_uv[0], -turned.microvolts("Fp1") - 0.1, atol=1e-3)
    assert any("inverted polarity" in issue for issue in recording.issues)
