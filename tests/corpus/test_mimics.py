"""Laws of the mimics: each keeps the scalp power of a seizure's rhythm and loses one property."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import stft, welch

from seizure.corpus.synthetic import SyntheticSpec
from seizure.corpus.synthetic.mimics import MIMICS, draw_mimic, focal_rhythm
from seizure.corpus.synthetic.patient import draw_patient
from seizure.corpus.synthetic.rhythm import rhythm, rhythm_without_field
from seizure.corpus.synthetic.seizures import DURATION_S

RATE_HZ = 256
BANDS_HZ = ((4, 8), (8, 13), (13, 30), (1, 45))
PATIENTS = [
    replace(draw_patient(SyntheticSpec(), "train", number), rate_hz=RATE_HZ) for number in range(10)
]


def drawn(patient, number, duration_s=40.0):
    return replace(focal_rhythm(patient, np.random.default_rng(number)), duration_s=duration_s)


def scalp_uv(render, patient, wanted, key=0):
    """(19, sample) in average reference; equal keys draw the same rhythm."""
    block_uv = render(patient.head, wanted, RATE_HZ, np.random.default_rng(key))[:19]
    return block_uv - block_uv.mean(axis=0)


def band_power(signal_uv):
    """(electrode, band)"""
    hz, power = welch(signal_uv, RATE_HZ, nperseg=2 * RATE_HZ)
    return np.stack(
        [power[:, (hz >= low) & (hz < high)].sum(axis=1) for low, high in BANDS_HZ], axis=1
    )


def excess_db(without):
    """dB (patient, electrode, band) by which a mimic is louder than its seizure."""
    rows = []
    for number, patient in enumerate(PATIENTS):
        wanted = drawn(patient, number)
        mimic_uv, seizure_uv = (scalp_uv(rhythm, patient, one) for one in (without(wanted), wanted))
        rows.append(10 * np.log10(band_power(mimic_uv) / band_power(seizure_uv)))
    return np.array(rows)


def locking(signal_uv):
    """Mean phase locking of all pairs of electrodes at 2 to 8 Hz within 4 s."""
    hz, _, values = stft(signal_uv, RATE_HZ, nperseg=RATE_HZ, boundary=None)
    values = values[:, (hz >= 2) & (hz <= 8)]
    strongest = (np.abs(values) ** 2).sum((0, 2)).argmax()
    unit = values[:, strongest] / np.abs(values[:, strongest])
    pieces = [unit[:, at : at + 7] for at in range(0, unit.shape[1] - 6, 7)]
    upper = np.triu_indices(19, 1)
    return np.mean([np.abs(piece @ piece.conj().T)[upper] / 7 for piece in pieces])


def leading_hz(signal_uv):
    """The frequency that halves the power of 1 to 8 Hz."""
    hz, power = welch(signal_uv, RATE_HZ, nperseg=2 * RATE_HZ, nfft=8 * RATE_HZ)
    inside = (hz >= 1) & (hz <= 8)
    total = np.cumsum(power[:, inside].mean(axis=0))
    return hz[inside][np.searchsorted(total, 0.5 * total[-1])]


def fall_octaves(signal_uv):
    """How far the leading frequency falls from the first to the last third."""
    third = signal_uv.shape[1] // 3
    return np.log2(leading_hz(signal_uv[:, :third]) / leading_hz(signal_uv[:, -third:]))


def dipole_share(head, signal_uv):
    """Share of the strongest scalp map that the best of the head's own dipoles explains."""
    _, vectors = np.linalg.eigh(np.cov(signal_uv))
    maps = head.leadfield[:19] - head.leadfield[:19].mean(axis=0)
    return ((vectors[:, -1] @ (maps / np.linalg.norm(maps, axis=0))) ** 2).max()


def test_without_synchrony_every_electrode_keeps_its_power_in_every_band():
    found = excess_db(lambda wanted: wanted.without_synchrony())
    assert np.abs(np.median(found, axis=(0, 1))).max() < 1.0
    assert np.abs(found).mean(axis=(0, 1)).max() < 2.0


def test_without_synchrony_electrodes_lose_each_others_phase():
    for number, patient in enumerate(PATIENTS):
        wanted = drawn(patient, number)
        kept = locking(scalp_uv(rhythm, patient, wanted))
        lost = locking(scalp_uv(rhythm, patient, wanted.without_synchrony()))
        assert lost < kept - 0.1, number


def test_without_synchrony_the_evolution_stays():
    falls = [
        [
            fall_octaves(scalp_uv(rhythm, patient, one))
            for one in (wanted, wanted.without_synchrony())
        ]
        for patient, wanted in ((p, drawn(p, number)) for number, p in enumerate(PATIENTS))
    ]
    seizure, mimic = np.mean(falls, axis=0)
    assert mimic == pytest.approx(seizure, abs=0.15)


def test_without_evolution_every_electrode_keeps_its_power():
    found = excess_db(lambda wanted: wanted.without_evolution())
    # Power moves within the fundamental's own band; the harmonics and the whole stay.
    assert np.abs(np.median(found, axis=(0, 1))).max() < 1.5
    assert np.abs(found[..., -1]).mean() < 1.0


def test_without_evolution_the_frequency_stands_still():
    falls = []
    for number, patient in enumerate(PATIENTS):
        wanted = drawn(patient, number)
        falls.append(fall_octaves(scalp_uv(rhythm, patient, wanted)))
        still = scalp_uv(rhythm, patient, wanted.without_evolution())
        assert abs(fall_octaves(still)) < 0.15, number
    assert np.median(falls) > 0.4


def test_without_a_field_the_same_courses_are_on_other_electrodes():
    patient = PATIENTS[0]
    field_uv = scalp_uv(rhythm, patient, drawn(patient, 0))
    block_uv = rhythm_without_field(
        patient.head, drawn(patient, 0), RATE_HZ, np.random.default_rng(0)
    )[:19]
    np.testing.assert_allclose(
        np.sort(block_uv.std(axis=1)), np.sort(field_uv.std(axis=1)), rtol=1e-4
    )


def test_without_a_field_no_dipole_explains_the_map():
    shares = np.array(
        [
            [
                dipole_share(patient.head, scalp_uv(render, patient, drawn(patient, number)))
                for render in (rhythm, rhythm_without_field)
            ]
            for number, patient in enumerate(PATIENTS)
        ]
    )
    assert np.median(shares[:, 0]) > 0.8
    assert np.median(shares[:, 1]) < 0.6
    assert (shares[:, 1] < shares[:, 0]).mean() >= 0.9


def test_a_mimic_without_duration_is_shorter_than_any_seizure_of_its_type():
    for number, patient in enumerate(PATIENTS):
        mimic = draw_mimic(patient, "spike_wave_burst", np.random.default_rng(number))
        assert mimic.lacks == "duration"
        assert mimic.block_uv.shape[1] / RATE_HZ < DURATION_S["absence"][0] / 3


@pytest.mark.parametrize("cause", MIMICS)
def test_equal_keys_draw_equal_mimics_that_begin_and_end_at_nothing(cause):
    first, again = (draw_mimic(PATIENTS[1], cause, np.random.default_rng(5)) for _ in range(2))
    assert first.block_uv.tobytes() == again.block_uv.tobytes()
    assert first.lacks in {"evolution", "duration", "synchrony"}
    peak_uv = np.abs(first.block_uv).max()
    assert np.abs(first.block_uv[:, [0, -1]]).max() < 0.02 * peak_uv
