import numpy as np
import pytest

from seizure.scoring.bootstrap import patient_interval


def share(summed):
    return summed[:, 0] / summed.sum(axis=1)


def test_the_value_is_the_pooled_figure_and_lies_in_its_interval():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 10, size=(40, 2))
    found = patient_interval([f"p{i // 2}" for i in range(40)], counts, share)
    assert found.value == counts[:, 0].sum() / counts.sum()
    assert found.low < found.value < found.high


def test_the_same_seed_gives_the_same_interval():
    counts = np.random.default_rng(0).integers(1, 10, size=(20, 2))
    patients = [f"p{i}" for i in range(20)]
    assert patient_interval(patients, counts, share) == patient_interval(patients, counts, share)
    assert patient_interval(patients, counts, share, seed=1) != patient_interval(
        patients, counts, share
    )


def test_recordings_of_one_patient_are_drawn_together():
    counts = [[1, 0], [0, 1]] * 10
    together = patient_interval(["a"] * 20, counts, share)
    apart = patient_interval([f"p{i}" for i in range(20)], counts, share)
    assert (together.low, together.high) == (0.5, 0.5)
    assert apart.low < 0.4 < 0.6 < apart.high


def test_a_model_compared_with_itself_differs_by_nothing():
    counts = np.random.default_rng(0).integers(1, 10, size=(20, 2))
    patients = [f"p{i}" for i in range(20)]
    both = np.hstack([counts, counts])
    found = patient_interval(patients, both, lambda s: share(s[:, :2]) - share(s[:, 2:]))
    assert found == (0, 0, 0)


def test_a_figure_that_few_draws_define_has_no_interval():
    found = patient_interval(["a", "b"], [[0, 0], [0, 0]], share)
    assert np.isnan(found).all()


def test_counts_that_fit_no_recording_raise():
    with pytest.raises(ValueError, match="for 2 recordings"):
        patient_interval(["a", "b"], [[1, 2]], share)
