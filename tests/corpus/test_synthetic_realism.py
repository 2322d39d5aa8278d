"""Laws of what synthetic EEG looks like: spectrum and tails of its background, status."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch
from scipy.stats import kurtosis

from seizure.corpus.synthetic import SyntheticSpec
from seizure.corpus.synthetic.background import background, n_steps
from seizure.corpus.synthetic.head import ELECTRODES
from seizure.corpus.synthetic.mimics import draw_mimic
from seizure.corpus.synthetic.patient import draw_patient
from seizure.corpus.synthetic.scene import Scene, rms_course
from seizure.corpus.synthetic.seizures import (
    LONGEST_S,
    SHARE_STATUS,
    STATUS_S,
    draw_duration_s,
    draw_seizure,
)
from seizure.corpus.synthetic.vigilance import STATES

RATE_HZ = 256
PATIENTS = [
    replace(draw_patient(SyntheticSpec(), "train", number), rate_hz=RATE_HZ) for number in range(12)
]


def in_state(name):
    """Half a minute of every patient in one state, (19, sample) in average reference."""
    found = []
    for number, patient in enumerate(PATIENTS):
        states = np.full(n_steps(30 * RATE_HZ, RATE_HZ), STATES.index(name))
        uv = background(patient, states, 30 * RATE_HZ, np.random.default_rng(number))[:19]
        found.append(uv - uv.mean(axis=0))
    return found


@pytest.fixture(scope="module")
def clips():
    return in_state("eyes_open")


def slope(clip):
    """How steeply the median electrode's spectrum falls from 1 to 30 Hz."""
    hz, power = welch(clip, RATE_HZ, nperseg=4 * RATE_HZ)
    kept = (hz >= 1) & (hz <= 30)
    return -np.polyfit(np.log(hz[kept]), np.log(np.median(power[:, kept], axis=0)), 1)[0]


def test_the_spectrum_falls_as_that_of_real_eeg_and_more_steeply_asleep(clips):
    awake, asleep = (np.median([slope(clip) for clip in part]) for part in (clips, in_state("n3")))
    assert 1.2 < awake < 2.5
    assert asleep > awake + 0.4


def test_amplitudes_have_tails_that_stationary_noise_has_not(clips):
    assert 0.1 < np.median([kurtosis(clip, axis=1) for clip in clips]) < 1.5


def test_patients_differ_in_size_and_in_where_they_are_large(clips):
    sizes_uv = np.array([clip.std(axis=1) for clip in clips])
    assert sizes_uv.mean(axis=1).max() > 2 * sizes_uv.mean(axis=1).min()
    assert np.median(sizes_uv.max(axis=1) / sizes_uv.min(axis=1)) > 1.6


def test_neighbours_correlate_but_not_as_one_source(clips):
    at = [ELECTRODES.index(name) for name in ("F3", "C3")]
    found = [np.corrcoef(clip[at])[0, 1] for clip in clips]
    assert 0.2 < np.median(found) < 0.9


def test_some_seizures_of_the_icu_last_as_long_as_the_longest_of_tusz():
    rng = np.random.default_rng(0)
    length_s = np.array([draw_duration_s("icu", rng) for _ in range(2000)])
    in_status = length_s > 0.6 * STATUS_S[0]
    assert abs(in_status.mean() - SHARE_STATUS) < 0.05
    assert 1200 < length_s.max() <= LONGEST_S


def test_status_never_falls_silent_and_is_one_seizure():
    ictal = draw_seizure(PATIENTS[0], "icu", 400.0, np.random.default_rng(1))
    course_uv = rms_course(ictal.cerebral_uv[:19], RATE_HZ, 5.0).max(axis=0)
    assert course_uv[1:-1].min() > 0.1 * course_uv.max()
    assert ictal.visible_stop_s - ictal.visible_start_s > 380


@pytest.mark.parametrize("cause", ["slowing", "temporal_theta", "fast_activity"])
def test_mimics_change_the_background_as_seizures_do(cause):
    drawn = [draw_mimic(PATIENTS[1], cause, np.random.default_rng(key)) for key in range(12)]
    lowest = np.array([min(gain for _, gain in mimic.background_gain) for mimic in drawn])
    assert (lowest < 0.95).mean() > 0.3
    assert lowest.min() >= 0.4


def test_a_course_of_gains_scales_what_is_there_and_nothing_else():
    scene = Scene(np.ones((21, 10 * RATE_HZ), np.float32), RATE_HZ, np.zeros(3, np.int64))
    scene.scale(4.0, ((-1.0, 1.0), (0.0, 0.5), (2.0, 0.5), (3.0, 1.0)))
    assert scene.signal_uv[0, : 3 * RATE_HZ] == pytest.approx(1.0)
    assert scene.signal_uv[0, 4 * RATE_HZ : 6 * RATE_HZ] == pytest.approx(0.5)
    assert scene.signal_uv[0, 7 * RATE_HZ :] == pytest.approx(1.0)
