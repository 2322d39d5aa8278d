"""The size of a file tells a cut-off recording from a wrong header, or nobody believes either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.eeg.edf_records import count_records

SAMPLES = st.lists(st.integers(1, 1000), min_size=1, max_size=30)


@given(samples=SAMPLES, n_records=st.integers(1, 500), width=st.sampled_from([2, 3]))
def test_a_whole_file_is_whole(samples, n_records, width):
    counted = count_records(n_records, n_records * width * sum(samples), samples, width)
    assert (counted.n_records, counted.is_truncated, counted.issue) == (n_records, False, None)


@given(
    samples=SAMPLES, n_records=st.integers(1, 500), data=st.data(), width=st.sampled_from([2, 3])
)
def test_one_wrong_number_of_samples_is_never_believed(samples, n_records, data, width):
    place = data.draw(st.integers(0, len(samples) - 1))
    wrong = data.draw(st.integers(1, 2000).filter(lambda n: n != samples[place]))
    n_bytes = n_records * width * sum(samples)
    stated = [*samples[:place], wrong, *samples[place + 1 :]]
    with pytest.raises(ValueError, match=r"wrong in the header|no complete data record"):
        count_records(n_records, n_bytes, stated, width)


@given(samples=SAMPLES, n_records=st.integers(1, 500), data=st.data())
def test_a_cut_off_file_gives_its_whole_records_or_is_refused(samples, n_records, data):
    record_bytes = 2 * sum(samples)
    n_bytes = data.draw(st.integers(0, n_records * record_bytes - 1))
    try:
        counted = count_records(n_records, n_bytes, samples, 2)
    except ValueError:
        return
    assert counted.is_truncated
    assert counted.n_records == n_bytes // record_bytes


@given(samples=SAMPLES, n_records=st.integers(1, 500), announced=st.integers(-10, 600))
def test_a_wrong_number_of_records_never_gives_more_than_there_are(samples, n_records, announced):
    try:
        counted = count_records(announced, n_records * 2 * sum(samples), samples, 2)
    except ValueError:
        return
    assert counted.n_records <= n_records
    assert counted.n_records == n_records or counted.issue is not None


def test_most_cut_off_files_are_not_mistaken_for_wrong_headers():
    samples = [256] * 21
    n_refused = 0
    for n_bytes in range(3600 * 2 * sum(samples) - 3_000_001, 3600 * 2 * sum(samples), 3001):
        try:
            count_records(3600, n_bytes, samples, 2)
        except ValueError:
            n_refused += 1
    assert n_refused <= 2
