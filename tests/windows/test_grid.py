"""Windows cover every sample, and are marked by what they really hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.windows.grid import (
    WindowKind,
    cut_windows,
    margins_of,
    merge_intervals,
    seizure_mask,
    seizure_samples,
    whole_samples,
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


@given(intervals, st.integers(0, 80), st.integers(0, 80), st.integers(500, 700))
def test_margins_are_the_samples_close_to_a_seizure_and_in_none(events, before, after, n_samples):
    expected = np.zeros(n_samples, bool)
    for start, stop in events:
        expected[max(0, start - before) : stop + after] = True
    expected &= ~painted(events)[:n_samples]
    margins = margins_of(events, before, after, n_samples)
    assert (painted(margins)[:n_samples] == expected).all()
    assert (margins[:, 0] < margins[:, 1]).all()
    assert (margins[1:, 0] >= margins[:-1, 1]).all()


@given(intervals, st.integers(0, 200), st.integers(1, 90), st.integers(1, 50))
def test_only_a_window_that_lies_wholly_in_a_margin_is_left_out(events, after, window, stride):
    n_samples = 620
    stride = min(stride, window)
    row, length = np.array([3], np.int32), np.array([n_samples])
    margins = margins_of(events, 0, after, n_samples)
    every = cut_windows(row, length, [events], window, stride)
    learnt = cut_windows(row, length, [events], window, stride, [margins])
    ignored = painted(margins)[:n_samples]
    kept = [s for s in every.start.tolist() if not ignored[s : s + window].all()]
    assert learnt.start.tolist() == kept
    kinds = dict(zip(every.start.tolist(), every.kind.tolist(), strict=True))
    assert learnt.kind.tolist() == [kinds[start] for start in kept]


@given(st.integers(0, 2**30), st.sampled_from([100.0, 128.0, 250.0, 256.0, 512.0]))
def test_whole_samples_undoes_the_division_by_the_rate(n_samples, rate_hz):
    assert whole_samples(n_samples / rate_hz, rate_hz) == n_samples


def test_a_length_between_two_samples_is_refused():
    with pytest.raises(ValueError, match=r"2\.5 samples at 250 Hz.*nearest is 0\.008 s"):
        whole_samples(0.01, 250.0)


def test_counting_stays_exact_where_float32_would_not():
    events = np.array([[2**31 - 5, 2**31 + 3]])
    starts = np.array([2**31 - 7], np.int64)
    assert seizure_samples(starts, 4, events).tolist() == [2]
    assert seizure_samples(starts, 100, events).tolist() == [8]
