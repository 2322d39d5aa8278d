import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.scoring.calibration import brier, fit_temperature, reliability, scaled

frames = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80)


@given(frames, st.sampled_from(["equal_width", "equal_mass"]), st.integers(1, 20))
def test_no_frame_is_dropped_and_the_error_is_a_share(rows, binning, n_bins):
    p, label = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    bins = reliability([(p, label)], binning, n_bins)
    assert bins.n.sum() == len(rows)
    assert len(bins.n) <= n_bins
    assert 0 <= bins.ece <= 1
    assert (bins.n * bins.mean_probability).sum() == pytest.approx(p.sum())
    assert (bins.n * bins.seizure_share).sum() == pytest.approx(label.sum())


@pytest.mark.parametrize("binning", ["equal_width", "equal_mass"])
def test_frames_at_zero_and_one_count(binning):
    wrong = reliability([([0.0, 1.0], [True, False])], binning)
    assert wrong.ece == 1.0
    assert wrong.n.sum() == 2


def test_ece_equals_the_definition_on_equal_width_bins():
    rng = np.random.default_rng(0)
    p = rng.random(5000)
    label = rng.random(5000) < p**2
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (p >= low) & (p < low + 0.1)
        expected += inside.mean() * abs(p[inside].mean() - label[inside].mean())
    assert reliability([(p, label)], n_bins=10).ece == pytest.approx(expected)


def test_bins_of_equal_mass_hold_equal_numbers():
    p = np.random.default_rng(0).random(1500)
    bins = reliability([(p, np.zeros(1500, bool))], "equal_mass")
    np.testing.assert_array_equal(bins.n, np.full(15, 100))


def test_a_calibrated_detector_has_almost_no_error():
    rng = np.random.default_rng(1)
    p = rng.random(200_000)
    label = rng.random(200_000) < p
    assert reliability([(p, label)]).ece < 0.005
    assert brier([(p, label)]) == pytest.approx(1 / 6, abs=0.002)


@given(frames, st.integers(1, 79), st.sampled_from([0.4, 1.0, 3.0]))
def test_groups_are_calibrated_as_their_frames_end_to_end(rows, cut, temperature):
    p, label = np.float32([r[0] for r in rows]), np.array([r[1] for r in rows])
    whole, parts = [(p, label)], [(p[:cut], label[:cut]), (p[cut:], label[cut:])]
    for binning in ("equal_width", "equal_mass"):
        one, two = (reliability(g, binning, 7, temperature) for g in (whole, parts))
        np.testing.assert_array_equal(one.n, two.n)
        np.testing.assert_allclose(one.mean_probability, two.mean_probability, rtol=1e-12)
        np.testing.assert_array_equal(one.seizure_share, two.seizure_share)
    assert brier(parts, temperature) == pytest.approx(brier(whole, temperature), rel=1e-12)
    assert fit_temperature(parts) == fit_temperature(whole)


def test_values_that_are_not_probabilities_raise():
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        brier([([0.5, 1.2], [True, False])])
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        reliability([([0.5, np.nan], [True, False])])
    with pytest.raises(ValueError, match="binning"):
        reliability([([0.5], [True])], "equal")


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_spoilt_probabilities_is_found(temperature):
    rng = np.random.default_rng(0)
    logit = rng.normal(-1, 2, 200_000)
    label = rng.random(logit.size) < 1 / (1 + np.exp(-logit))
    spoilt = 1 / (1 + np.exp(-logit * temperature))
    found = fit_temperature([(spoilt, label)])
    assert found == pytest.approx(temperature, rel=0.02)
    before, after = (reliability([(p, label)]).ece for p in (spoilt, scaled(spoilt, found)))
    assert after < 0.005
    assert after <= before


def test_scaling_keeps_the_order_and_the_ends():
    p = np.float32([0, 1e-30, 0.2, 0.5, 1 - 2**-24, 1])
    for temperature in (0.1, 1.0, 10.0):
        found = scaled(p, temperature)
        assert (np.diff(found) >= 0).all()
        assert 0 <= found[0] <= found[-1] <= 1
    np.testing.assert_allclose(scaled(p, 1.0), p, atol=2e-7)


def test_a_temperature_exists_for_probabilities_that_are_always_right_or_sure_and_wrong():
    assert fit_temperature([([0.1, 0.9], [False, True])]) < 0.06
    assert fit_temperature([([0.0, 1.0], [True, False])]) > 19
