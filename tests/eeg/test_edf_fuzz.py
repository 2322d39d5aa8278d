"""Whatever is wrong with a header: the right samples in the unit it states, or a refusal."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seizure.eeg.annotation import AnnotationError
from seizure.eeg.channels import BIPOLAR_18, canonical_name, derivation_name
from seizure.eeg.edf import read_edf
from seizure.eeg.edf_annotations import read_annotations
from seizure.eeg.recording import UnreadableRecording

N_SIGNALS = 22
# The place and width of every field of the fixed header and of the first signal's, by Kemp 1992.
FIXED = {
    "version": (0, 8), "patient": (8, 80), "recording": (88, 80), "date": (168, 8),
    "time": (176, 8), "header_bytes": (184, 8), "reserved": (192, 44), "n_records": (236, 8),
    "record_s": (244, 8), "n_signals": (252, 4),
}  # fmt: skip
PER_SIGNAL = {
    "label": 16, "transducer": 80, "unit": 8, "physical_min": 8, "physical_max": 8,
    "digital_min": 8, "digital_max": 8, "prefilter": 80, "samples": 8, "padding": 32,
}  # fmt: skip
UV_PER_UNIT = {
    "uv": 1, "µv": 1, "μv": 1, "microv": 1, "mcv": 1, "nv": 1e-3, "mv": 1e3, "v": 1e6,
}  # fmt: skip
NASTY = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "1", "2", "22", "23", "250", "251", "500", "1e5", "1e400", "nan", "inf",
         "-inf", "1,5", "0,5", "5888", "99999999", "+3", "0x10", "1_0", "٣", "EDF+D", "EDF+C",
         "uV", "mV", "V", "µV", "EEG FZ-REF", "FP1-F7", "T7", "-32768", "32767", "-3276.8",
         "3276.7", "\0\0\0", "\xff\xff", "1.0.0", "--1", ".", "1e-300", "0.5", "1 2"]
    ),
    st.integers(-(10**7), 10**8).map(str),
    st.floats(allow_nan=False).map(lambda x: f"{x:.3g}"),
    st.text(st.characters(codec="latin-1"), max_size=16),
)  # fmt: skip


def _place(field, signal):
    if field in FIXED:
        return FIXED[field]
    place = 256
    for name, width in PER_SIGNAL.items():
        if name == field:
            return place + signal * width, width
        place += N_SIGNALS * width
    raise KeyError(field)


def _text(content, field, signal=0):
    place, width = _place(field, signal)
    return content[place : place + width].decode("latin-1").strip(" \0\t\r\n")


def _number(text):
    return float(text.replace(",", "."))


def _sound(sketch, names=None):
    """A sound file of electrodes, or of derivations, with three signals that nobody needs."""
    labels = sketch().labels if names is None else (*names, "EMG2")
    return sketch(
        labels=("ECG EKG", *labels[:10], "IBI", *labels[10:], "PHOTIC"),
        samples_per_record=(100, *(50,) * 10, 1, *(50,) * 9, 20),
        n_records=4,
    )


def _check(sound, content, montage, name_of):
    """The law: each channel holds the samples of the signal that carries its name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.edf"
        path.write_bytes(content)
        try:
            recording = read_edf(path, montage=montage)
        except UnreadableRecording:
            return False
    names = [name_of(_text(content, "label", k)) for k in range(N_SIGNALS)]
    for channel, found in zip(recording.channel_names, recording.signal_uv, strict=True):
        turned = "-".join(reversed(channel.split("-")))
        if channel in recording.interpolated:
            assert channel not in names
            continue
        is_turned = channel not in names
        signal = names.index(turned if is_turned else channel)
        low, high, digital_low, digital_high = (
            _number(_text(content, field, signal))
            for field in ("physical_min", "physical_max", "digital_min", "digital_max")
        )
        unit = _text(content, "unit", signal).lower().replace("â\xb5", "µ").replace("î¼", "µ")
        gain_uv = (high - low) / (digital_high - digital_low) * UV_PER_UNIT[unit]
        digital = sound.digital()[signal].ravel()[: recording.n_samples].astype(np.float64)
        expected_uv = (digital - digital_low) * gain_uv + low * UV_PER_UNIT[unit]
        expected_uv = -expected_uv if is_turned else expected_uv
        span_uv = np.abs(expected_uv).max() + abs(low) * UV_PER_UNIT[unit]
        # Bytes after the end may be a further record, where the header does not count them.
        found = found[: len(digital)]
        np.testing.assert_allclose(found, expected_uv, rtol=1e-5, atol=1e-6 * span_uv + 1e-3)
    assert recording.rate_hz == pytest.approx(50 / _number(_text(content, "record_s")))
    return True


def _damaged(content, field, signal, text):
    place, width = _place(field, signal)
    padded = text.encode("latin-1", "replace").ljust(width)[:width]
    return content[:place] + padded + content[place + width :]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    field=st.sampled_from([*FIXED, *PER_SIGNAL]),
    signal=st.integers(0, N_SIGNALS - 1),
    text=NASTY,
    is_bipolar=st.booleans(),
)
def test_one_wrong_field_gives_the_right_samples_or_a_refusal(
    sketch, field, signal, text, is_bipolar
):
    sound = _sound(sketch, BIPOLAR_18 if is_bipolar else None)
    content = _damaged(sound.to_bytes(), field, signal, text)
    montage, name_of = (
        ("bipolar", derivation_name) if is_bipolar else ("referential", canonical_name)
    )
    _check(sound, content, montage, name_of)


@settings(max_examples=200, deadline=None)
@given(
    field=st.sampled_from([f for f in [*FIXED, *PER_SIGNAL] if f != "samples"]),
    signal=st.integers(0, N_SIGNALS - 1),
    text=NASTY,
    n_cut=st.integers(-3000, 9000),
)
def test_a_wrong_field_in_a_file_of_the_wrong_size_is_no_worse(sketch, field, signal, text, n_cut):
    sound = _sound(sketch)
    content = _damaged(sound.to_bytes(), field, signal, text)
    content = content[: len(content) - n_cut] if n_cut > 0 else content + bytes(-n_cut)
    _check(sound, content, "referential", canonical_name)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 256 * (N_SIGNALS + 1) - 1), junk=st.binary(min_size=1, max_size=4))
def test_damaged_bytes_give_the_right_samples_or_a_refusal(sketch, place, junk):
    sound = _sound(sketch)
    content = bytearray(sound.to_bytes())
    content[place : place + len(junk)] = junk
    _check(sound, bytes(content), "referential", canonical_name)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 4 * 80 - 1), junk=st.binary(min_size=1, max_size=12))
def test_damaged_times_and_remarks_give_the_right_samples_or_a_refusal(sketch, place, junk):
    sound = sketch(
        labels=(*sketch().labels, "EDF Annotations"),
        samples_per_record=(50,) * 19 + (40,),
        reserved="EDF+C",
        record_tails=[f"+{k}\x14\x14\0+{k}.5\x152\x14sz\x14\0".encode() for k in range(4)],
    )
    content = bytearray(sound.to_bytes())
    record, within = divmod(place, 80)
    at = 256 * 21 + record * (2 * 19 * 50 + 80) + 2 * 19 * 50 + within
    junk = junk[: 80 - within]
    content[at : at + len(junk)] = junk
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.edf"
        path.write_bytes(bytes(content))
        with contextlib.suppress(UnreadableRecording):
            recording = read_edf(path)
            np.testing.assert_allclose(recording.signal_uv[0], sound.microvolts("Fp1"), atol=1e-3)
        with contextlib.suppress(UnreadableRecording, AnnotationError):
            onsets_s = [remark.onset_s for remark in read_annotations(path)]
            assert onsets_s == sorted(onsets_s)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=600))
def test_any_bytes_at_all_are_refused(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.edf"
        path.write_bytes(content)
        with pytest.raises(UnreadableRecording):
            read_edf(path)


def test_the_sound_files_are_read(sketch):
    assert _check(_sound(sketch), _sound(sketch).to_bytes(), "referential", canonical_name)
    bipolar = _sound(sketch, BIPOLAR_18)
    assert _check(bipolar, bipolar.to_bytes(), "bipolar", derivation_name)
