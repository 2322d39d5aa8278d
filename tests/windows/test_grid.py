"""Windows cover every sample, and are marked by what they really hold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seizure.windows.grid import (
    WindowKind,
    cut_windows,
    merge_intervals,
    seizure_mask,
    seizure_samples,
    window_starts,
)

intervals = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 100)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=6,
).map(lambda rows: np.array(rows, np.int64).reshape(-1, 2))


def painted(events: np.ndarray, n: int = 1000) -> np.ndarray:
    mask = np.zeros(n, bool)
    for start, stop in events:
        mask[start:stop] = True
    return mask


@given(st.integers(1, 500), st.integers(1, 80), st.integers(1, 80))
def test_windows_no_further_apart_than_their_length_cover_every_sample(n, window, stride):
    stride = min(stride, window)
    covered = np.zeros(n, bool)
    starts = window_starts(n, window, stride)
    for start in starts:
        covered[start : start + window] = True
    assert covered.all()
    # None is superfluous: without the last one something would be missing.
    assert len(starts) == 1 or starts[-2] + window < n


@given(intervals, st.integers(1, 90), st.integers(1, 50))
def test_seizure_samples_equal_counting_a_painted_mask(events, window, stride):
    starts = np.arange(0, 500, stride, dtype=np.int32)
    expected = [painted(events)[s : s + window].sum() for s in starts]
    assert seizure_samples(starts, window, events).tolist() == expected


@given(intervals)
def test_merged_intervals_are_disjoint_and_cover_the_same_samples(events):
    merged = merge_intervals(events)
    assert (painted(merged) == painted(events)).all()
    assert (merged[1:, 0] > merged[:-1, 1]).all()


@given(intervals, st.integers(0, 450))
def test_the_mask_of_a_window_is_a_cut_of_the_whole_mask(events, start):
    assert (seizure_mask(start, 60, events) == painted(events)[start : start + 60]).all()


def test_a_padded_tail_that_is_all_seizure_counts_as_fully_seizure():
    grid = cut_windows(np.array([0], np.int32), np.array([90]), [np.array([[60, 90]])], 60, 60)
    assert grid.start.tolist() == [0, 60]
    assert grid.kind.tolist() == [WindowKind.BACKGROUND, WindowKind.FULLY_SEIZURE]


def test_a_grid_costs_nine_bytes_a_window():
    grid = cut_windows(
        np.array([0], np.int32), np.array([10**6]), [np.zeros((0, 2), np.int64)], 15360, 2560
    )
    assert (grid.row.nbytes + grid.start.nbytes + grid.kind.nbytes) / len(grid) == 9
