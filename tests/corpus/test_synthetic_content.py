"""Laws of what a synthetic corpus holds: everything that the design promises does occur."""

from collections import Counter
from dataclasses import replace

import mne
import numpy as np
import pytest

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording, to_mne
from seizure.corpus.synthetic.annotation_file import write_csv, write_csv_bi
from seizure.corpus.synthetic.difficulty import LEVELS
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.corpus.synthetic.mimics import MIMICS
from seizure.corpus.synthetic.patient import CEREBRAL, CONFOUNDERS_PER_H, draw_patient
from seizure.corpus.synthetic.schedule import confounder_start_s, seizure_times
from seizure.corpus.synthetic.seizures import DURATION_S, TUSZ_LABEL
from seizure.corpus.synthetic.trends import MEMORY_S, trends
from seizure.corpus.synthetic.vigilance import STATES
from seizure.corpus.tusz import typed_events
from seizure.eeg.annotation import Event

SPEC = SyntheticSpec()
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def patients():
    return [draw_patient(SPEC, "train", index) for index in range(150)]


@pytest.fixture(scope="module")
def seizures(patients):
    """The seizures of every patient's first hour."""
    awake = np.zeros(901, dtype=np.int64)
    return [
        seizure_times(patient, 0, HOUR_S, awake, np.random.default_rng(index))
        for index, patient in enumerate(patients)
    ]


@pytest.fixture(scope="module")
def shorts():
    return [simulate_recording(SPEC, "train", index, duration_s=20) for index in range(60)]


def test_all_seven_types_occur_each_under_a_type_of_tusz(seizures):
    kinds = Counter(kind for found in seizures for _, _, kind in found)
    assert set(kinds) == set(DURATION_S) == set(TUSZ_LABEL)
    assert min(kinds.values()) >= 3


def test_seizures_last_as_long_as_those_of_tusz_do(seizures):
    """Of TUSZ's seizures the middle ones last 10 to 54 s, with a long tail."""
    length_s = [length for found in seizures for _, length, _ in found]
    low, middle, high, tail = np.percentile(length_s, [5, 50, 75, 98])
    assert 2 < low < 10 < middle < 45 < high < 75
    assert tail > 100


def test_some_recordings_hold_a_cluster(seizures):
    spans_s = [found[-1][0] - found[0][0] for found in seizures if len(found) >= 4]
    assert 0.1 < np.mean(np.array(spans_s) < 900) < 0.5


def test_a_quarter_of_the_confounders_is_close_to_a_seizure():
    rng, seizure = np.random.default_rng(0), [(1800.0, 40.0, "temporal")]
    start_s = np.array([confounder_start_s(10.0, HOUR_S, seizure, False, rng) for _ in range(500)])
    gap_s = np.maximum(1800.0 - (start_s + 10.0), start_s - 1840.0)
    assert gap_s.min() >= 2.0
    assert 0.15 < np.mean(gap_s < 60) < 0.4


def test_every_state_of_vigilance_is_gone_through_and_stated_without_gaps(shorts):
    found = Counter()
    for recording in shorts:
        edges = [0.0, *(stop for _, stop, _ in recording.vigilance)]
        assert [start for start, _, _ in recording.vigilance] == edges[:-1]
        assert edges[-1] == recording.duration_s
        found.update(state for _, _, state in recording.vigilance)
    assert set(found) == set(STATES)


def test_files_have_the_oddities_of_tusz(patients, shorts):
    labels = [set(recording.channel_labels) for recording in shorts]
    assert {patient.rate_hz for patient in patients} == {250, 256, 400, 512}
    assert {label.rsplit("-")[-1] for found in labels for label in found} == {"REF", "LE"}
    assert {recording.montage[:2] for recording in shorts} == {"01", "02", "03"}
    for extra in ("EEG EKG1", "EEG A1", "PHOTIC", "EMG"):
        has = np.mean([any(label.startswith(extra) for label in found) for found in labels])
        assert 0.05 < has < 1, extra
    first = Counter(recording.channel_labels[0].split("-")[0] for recording in shorts)
    assert 0.3 < first["EEG FP1"] / len(shorts) < 0.8
    assert 0.2 < np.mean([bool(recording.slow_channels) for recording in shorts]) < 0.6


def test_some_patients_lack_one_or_both_midline_electrodes(patients):
    missing = Counter(patient.missing for patient in patients)
    assert set(missing) == {(), ("FZ",), ("PZ",), ("FZ", "PZ")}
    assert 0.8 < missing[()] / len(patients) < 0.97
    recording = simulate_recording(SPEC, "train", [p.missing for p in patients].index(("FZ", "PZ")))
    electrodes = {label[4:6] for label in recording.channel_labels}
    assert not electrodes & {"FZ", "PZ"}
    assert "CZ" in electrodes


def test_trends_tell_how_much_of_the_last_minute_was_suppressed():
    loud = np.arange(300) % 20 < 15
    signal_uv = np.random.default_rng(0).standard_normal((19, 300 * 256)).astype(np.float32)
    signal_uv *= np.where(np.repeat(loud, 256), 30.0, 3.0)
    course = dict(trends(signal_uv, 256))
    settled = slice(MEMORY_S, None)
    assert course["SUPPR"][settled] == pytest.approx(25.0)
    assert course["BURSTS"][settled] == pytest.approx(3.0)
    assert course["IBI"][settled] == pytest.approx(5.0)


@pytest.mark.parametrize("montage", ["01_tcp_ar", "03_tcp_ar_a"])
@pytest.mark.parametrize("electrode", ["Fz", "Pz", "A1", "Cz", "O2"])
def test_a_seizure_at_any_electrode_keeps_its_type(shorts, tmp_path, montage, electrode):
    whole = simulate_recording(SPEC, "train", 0, duration_s=60)
    truth = [event for event in whole.truth if event.origin == "seizure"]
    recording = replace(
        whole,
        montage=montage,
        events=(Event(10.0, 20.0, "fnsz"),),
        truth=(replace(truth[0], start_s=10.0, stop_s=20.0, electrodes=(electrode,)),),
    )
    write_csv(tmp_path / "one.csv", recording)
    write_csv_bi(tmp_path / "one.csv_bi", recording)
    assert typed_events(tmp_path / "one.csv_bi") == (Event(10.0, 20.0, "fnsz"),)


def test_levels_leave_when_and_how_long_seizures_are_and_change_their_size():
    spec = replace(SPEC, recording_min=5.0)
    peaks_uv = {}
    events = set()
    for level in LEVELS:
        recording = simulate_recording(replace(spec, difficulty=level), "train", 0)
        events.add(recording.events)
        peaks_uv[level] = [e.peak_uv for e in recording.truth if e.origin == "seizure"]
    assert len(events) == 1
    for name, level in LEVELS.items():
        wanted = np.array(peaks_uv["medium"]) * level.rhythm_size
        np.testing.assert_allclose(peaks_uv[name], wanted, atol=0.15)


def test_levels_multiply_the_rates_of_every_confounder():
    assert set(MIMICS) == set(CEREBRAL)
    usual = draw_patient(SPEC, "train", 5).confounders_per_h
    assert set(usual) == set(CONFOUNDERS_PER_H)
    for name, level in LEVELS.items():
        found = draw_patient(replace(SPEC, difficulty=name), "train", 5).confounders_per_h
        for cause, often in usual.items():
            factor = level.mimics if cause in CEREBRAL else level.artefacts
            assert found[cause] == pytest.approx(factor * often)


def test_mne_is_given_what_the_file_holds(tmp_path):
    recording = simulate_recording(SPEC, "train", 0, duration_s=60)
    write_edf(tmp_path / "one.edf", recording)
    raw, read = to_mne(recording), mne.io.read_raw_edf(tmp_path / "one.edf", verbose="error")
    in_file = dict(zip(raw.ch_names, recording.channel_labels, strict=True))
    assert {"Fp1", "Cz", "O2"} <= set(in_file)
    for name, label in in_file.items():
        np.testing.assert_allclose(raw.get_data(name), read.get_data(label), atol=1e-7)
    assert list(raw.annotations.onset) == pytest.approx([e.start_s for e in recording.truth])
    assert "seizure/temporal" in raw.annotations.description
