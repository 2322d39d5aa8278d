"""Interpolated electrodes follow the field of their neighbours."""

import numpy as np

from seizure.eeg.channels import CANONICAL_19, POSITIONS
from seizure.eeg.interpolation import spline_weights


def test_a_constant_and_a_smooth_field_are_reproduced():
    absent = ("Fz", "Pz")
    present = ~np.isin(CANONICAL_19, absent)
    weights = spline_weights(absent)
    assert weights.shape == (2, 17)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-3)
    dipole = POSITIONS @ np.array([0.2, 0.7, 0.5])
    np.testing.assert_allclose(weights @ dipole[present], dipole[~present], atol=0.12)


def test_the_weights_do_not_depend_on_left_and_right():
    weights = dict(
        zip([n for n in CANONICAL_19 if n != "Fz"], spline_weights(("Fz",))[0], strict=True)
    )
    for left, right in (("F3", "F4"), ("Fp1", "Fp2"), ("T5", "T6")):
        assert np.isclose(weights[left], weights[right])
