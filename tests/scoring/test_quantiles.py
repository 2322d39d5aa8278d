import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.scoring.quantiles import closest_observations

values = st.lists(
    st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, -0.0, 0.5, 1.0])),
    min_size=1,
    max_size=200,
)
shares = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(values, shares, st.integers(0, 200))
def test_quantiles_of_groups_are_numpy_s_of_all(values, shares, cut):
    p = np.float32(values)
    found = closest_observations([p[:cut], p[cut:]], shares)
    np.testing.assert_array_equal(found, np.quantile(p, shares, method="closest_observation"))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 1000, 1001, 4096])
def test_places_between_two_observations_are_numpy_s(n):
    p = np.random.default_rng(n).random(n).astype(np.float32)
    places = np.append(np.arange(2 * n + 1) / (2 * n), [0.1, 1 / 3, 0.999])
    found = closest_observations([p], places)
    np.testing.assert_array_equal(found, np.quantile(p, places, method="closest_observation"))


def test_a_quantile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no probability"):
        closest_observations([np.empty(0, np.float32)], [0.5])
