"""Laws of the synthetic recordings themselves: determinism, annotations, physiology."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.head import ELECTRODES, centring, patient_head
from seizure.corpus.synthetic.patient import CONFOUNDERS_PER_H, TYPE_SHARE, draw_patient
from seizure.corpus.synthetic.plan import planned_recording, planned_recordings
from seizure.corpus.synthetic.rhythm import rhythm
from seizure.corpus.synthetic.scene import rms_course
from seizure.corpus.synthetic.seizures import DURATION_S, draw_seizure, seizure_rhythm

SHORT = SyntheticSpec(train_hours=0.2, dev_hours=0.1, eval_hours=0.1, recording_min=2.0)


def scalp_uv(recording):
    names = {name.upper() for name in ELECTRODES[:19]}
    rows = [
        row
        for row, label in enumerate(recording.channel_labels)
        if label.startswith("EEG ") and label[4:].split("-")[0] in names
    ]
    signal = recording.signal_uv[rows]
    return signal - signal.mean(axis=0)


def test_same_key_gives_the_same_bits_whatever_was_made_before():
    first = simulate_recording(SHORT, "dev", 1, 0)
    simulate_recording(SHORT, "train", 0, 1)
    draw_patient(SHORT, "eval", 3)
    again = simulate_recording(SHORT, "dev", 1, 0)
    assert first.signal_uv.tobytes() == again.signal_uv.tobytes()
    assert first.events == again.events
    assert first.truth == again.truth


def test_a_recording_does_not_depend_on_the_size_of_the_corpus():
    larger = replace(SHORT, train_hours=3.0, dev_hours=1.0)
    assert set(planned_recordings(SHORT)) <= set(planned_recordings(larger))
    first, second = (simulate_recording(spec, "train", 1, 0) for spec in (SHORT, larger))
    assert first.signal_uv.tobytes() == second.signal_uv.tobytes()


@pytest.mark.parametrize("other", [("train", 0, 1), ("train", 1, 0), ("dev", 0, 0)])
def test_other_keys_give_other_signals(other):
    first, second = simulate_recording(SHORT, "train", 0, 0), simulate_recording(SHORT, *other)
    n_samples = min(first.signal_uv.shape[1], second.signal_uv.shape[1], 5000)
    correlation = np.corrcoef(first.signal_uv[0, :n_samples], second.signal_uv[0, :n_samples])
    assert abs(correlation[0, 1]) < 0.5


def test_another_seed_gives_another_recording():
    first = simulate_recording(SHORT, "train", 0, 0)
    second = simulate_recording(replace(SHORT, seed=1), "train", 0, 0)
    assert first.signal_uv[:, :1000].tobytes() != second.signal_uv[:, :1000].tobytes()


def test_annotations_are_inside_sorted_and_disjoint():
    n_events = 0
    for planned in planned_recordings(replace(SHORT, recording_min=6.0, train_hours=1.0)):
        recording = simulate_recording(
            replace(SHORT, recording_min=6.0),
            planned.split,
            planned.patient_index,
            planned.recording_index,
        )
        stop_s = 0.0
        for event in recording.events:
            assert stop_s <= event.start_s < event.stop_s <= recording.duration_s
            stop_s = event.stop_s
            n_events += 1
    assert n_events > 5


def test_truth_names_every_seizure_and_no_mimic_overlaps_one():
    for patient in range(6):
        recording = simulate_recording(SyntheticSpec(recording_min=10.0), "train", patient, 0)
        seizures = [event for event in recording.truth if event.origin == "seizure"]
        assert len(seizures) == len(recording.events)
        for truth, event in zip(seizures, recording.events, strict=True):
            assert truth.start_s == pytest.approx(event.start_s, abs=1e-3)
            assert truth.electrodes
        for mimic in (event for event in recording.truth if event.origin == "cerebral"):
            assert mimic.lacks in {"evolution", "duration", "synchrony"}
            assert all(
                mimic.stop_s <= event.start_s or event.stop_s <= mimic.start_s
                for event in recording.events
            )


def test_every_confounder_of_the_design_occurs():
    found = set()
    for patient in range(40):
        recording = simulate_recording(SyntheticSpec(recording_min=10.0), "train", patient, 0)
        found |= {event.cause for event in recording.truth if event.origin != "seizure"}
        if found == set(CONFOUNDERS_PER_H):
            return
    assert found == set(CONFOUNDERS_PER_H)


@pytest.mark.parametrize("kind", DURATION_S)
def test_every_seizure_type_is_visible_for_most_of_its_life(kind):
    patient = draw_patient(SHORT, "train", 0)
    duration_s = DURATION_S[kind][0]
    ictal = draw_seizure(patient, kind, duration_s, np.random.default_rng(0))
    assert ictal.cerebral_uv.shape == (21, round(duration_s * patient.rate_hz))
    assert 0 <= ictal.visible_start_s < ictal.visible_stop_s <= duration_s
    assert ictal.visible_stop_s - ictal.visible_start_s > 0.6 * duration_s
    assert np.abs(ictal.cerebral_uv).max() < 1500


def test_a_mimic_without_synchrony_keeps_the_power_and_loses_the_coherence():
    patient = draw_patient(SHORT, "train", 0)
    wanted = seizure_rhythm(patient, "temporal", 40.0, np.random.default_rng(1))
    coherent = rhythm(patient.head, wanted, 256, np.random.default_rng(2))[:19]
    loose = rhythm(patient.head, wanted.without_synchrony(), 256, np.random.default_rng(2))[:19]
    peak_uv = [np.sort(rms_course(x, 256, 0.5).max(axis=0))[-27:].mean() for x in (coherent, loose)]
    assert peak_uv[0] == pytest.approx(peak_uv[1], rel=0.35)

    def first_component(x):
        value = np.linalg.eigvalsh(np.cov(x))
        return value[-1] / value.sum()

    assert first_component(coherent) > first_component(loose) + 0.1


def test_leadfield_gives_neighbours_the_same_and_the_far_side_little():
    head = patient_head(1.0, np.random.default_rng(0))
    mixing = head.mixing(np.ones(472))
    covariance = centring() @ mixing @ mixing.T @ centring().T
    size = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(size, size)
    f3, f7, o2 = (ELECTRODES.index(name) for name in ("F3", "F7", "O2"))
    assert correlation[f3, f7] > 0.3 > correlation[f3, o2]


def test_background_has_the_size_slope_and_dimension_of_scalp_eeg():
    """Against real clips: 13.9 µV, slope 2.2 and participation ratio 3.7 from 1 to 40 Hz."""
    measured = []
    for patient in range(8):
        recording = simulate_recording(SyntheticSpec(recording_min=4.0), "train", patient, 0)
        signal = scalp_uv(recording)
        hz, power = welch(signal, recording.rate_hz, nperseg=4 * recording.rate_hz)
        kept = (hz >= 1) & (hz <= 40)
        power = np.median(power[:, kept], axis=0)
        rms_uv = np.sqrt(power.sum() * hz[1])
        slope = -np.polyfit(np.log(hz[kept]), np.log(power), 1)[0]
        value = np.linalg.eigvalsh(np.cov(signal))
        measured.append((rms_uv, slope, value.sum() ** 2 / (value**2).sum()))
    rms_uv, slope, participation = np.median(measured, axis=0)
    assert 8 < rms_uv < 25
    assert 1.5 < slope < 2.5
    assert 2.5 < participation < 6.0


def test_no_sample_is_absurd_and_none_is_missing():
    for patient in range(5):
        recording = simulate_recording(SHORT, "train", patient, 0)
        assert recording.signal_uv.dtype == np.float32
        assert np.isfinite(recording.signal_uv).all()
        assert np.abs(recording.signal_uv).max() < 4999
        assert recording.signal_uv.shape == (
            len(recording.channel_labels),
            planned_recording(SHORT, "train", patient, 0).duration_s * recording.rate_hz,
        )


def test_first_patient_of_every_split_has_a_seizure_in_the_first_recording():
    for seed in range(3):
        for split in ("train", "dev", "eval"):
            recording = simulate_recording(replace(SHORT, seed=seed), split, 0, 0)
            assert recording.events, (seed, split)


def test_disorders_and_seizure_types_hold_the_shares_of_the_design():
    patients = [draw_patient(SHORT, "train", index) for index in range(50)]
    without = np.mean([patient.disorder == "none" for patient in patients])
    assert without == pytest.approx(0.32, abs=0.06)
    assert {patient.disorder for patient in patients} == set(TYPE_SHARE)
    assert {patient.setting for patient in patients} == {"awake", "sleep", "icu"}


@pytest.mark.parametrize(
    "wrong",
    [{"seed": -1}, {"train_hours": -1.0}, {"recording_min": 0.5}, {"recordings_per_patient": 0.0}],
)
def test_a_wrong_spec_names_its_field(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SyntheticSpec(**wrong)


def test_a_spec_without_hours_is_refused():
    with pytest.raises(ValueError, match="empty"):
        SyntheticSpec(train_hours=0, dev_hours=0, eval_hours=0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"split": "test"}, "one of train, dev, eval, found 'test'"),
        ({"patient_index": -1}, "count from 0, found -1 and 0"),
        ({"recording_index": -2}, "count from 0, found 0 and -2"),
        ({"duration_s": 4}, "5 to 14400 whole s, found 4"),
        ({"duration_s": 10.5}, "5 to 14400 whole s, found 10.5"),
        ({"duration_s": 14401}, "5 to 14400 whole s, found 14401"),
    ],
)
def test_a_recording_that_cannot_be_is_refused_in_words(wrong, said):
    with pytest.raises(ValueError, match=said):
        simulate_recording(SHORT, **wrong)
