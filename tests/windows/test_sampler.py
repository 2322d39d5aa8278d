"""A draw is balanced, depends on seed and epoch alone, and is shared out without overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.windows.grid import WindowGrid, WindowKind
from seizure.windows.sampler import (
    PADDING,
    BalancedBatches,
    ContiguousBatches,
    EmptyDraw,
    draw,
)
from seizure.windows.spec import Balance

RNG = np.random.default_rng(1)
KIND = RNG.choice([0, 1, 2], 4000, p=[0.88, 0.08, 0.04]).astype(np.uint8)
GRID = WindowGrid(np.zeros(4000, np.int32), np.arange(4000, dtype=np.int32), KIND, 60)


def test_every_partly_seizure_window_is_drawn_once_with_the_stated_share_of_others():
    drawn = draw(GRID, Balance(), seed=3, epoch=5)
    kinds = KIND[drawn]
    n_partly = GRID.count(WindowKind.PARTLY_SEIZURE)
    assert len(set(drawn.tolist())) == len(drawn)
    assert np.count_nonzero(kinds == 1) == n_partly
    n_full = GRID.count(WindowKind.FULLY_SEIZURE)
    assert np.count_nonzero(kinds == 2) == min(n_full, round(0.3 * n_partly))
    assert np.count_nonzero(kinds == 0) == round(2.5 * n_partly)


def test_the_draw_is_a_function_of_seed_and_epoch():
    first = draw(GRID, Balance(), 3, 5)
    assert (first == draw(GRID, Balance(), 3, 5)).all()
    assert (first != draw(GRID, Balance(), 3, 6)).any()
    assert (first != draw(GRID, Balance(), 4, 5)).any()


def test_a_short_epoch_is_a_different_part_of_the_mixture_each_time():
    short = Balance(windows_per_epoch=100)
    one, two = draw(GRID, short, 0, 0), draw(GRID, short, 0, 1)
    assert len(one) == len(two) == 100
    assert set(one.tolist()) != set(two.tolist())


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_ranks_batches_are_together_those_of_one_process(world_size):
    ranks = [BalancedBatches(GRID, Balance(), 8, 0, rank, world_size) for rank in range(world_size)]
    alone = BalancedBatches(GRID, Balance(), 8 * world_size, 0)
    assert {len(rank) for rank in ranks} == {len(alone)}
    # Step by step: no window twice, none that one process with the whole batch would not take.
    for parts, whole in zip(zip(*ranks, strict=True), alone, strict=True):
        assert sorted(window for part in parts for window in part) == sorted(whole)
    assert len(set(np.concatenate(list(alone)).tolist())) == 8 * world_size * len(alone)


def test_a_draw_takes_four_bytes_a_window():
    assert draw(GRID, Balance(), 0, 0).dtype == np.int32


def test_a_resumed_epoch_goes_on_with_the_next_unseen_batch():
    whole, resumed = (BalancedBatches(GRID, Balance(), 8, 0) for _ in range(2))
    whole.set_epoch(2)
    resumed.resume(epoch=2, batches_done=5)
    resumed.set_epoch(2)
    assert list(resumed) == list(whole)[5:]
    for batches in (whole, resumed):
        batches.set_epoch(3)
    assert list(resumed) == list(whole)


def test_resuming_after_a_whole_epoch_starts_the_next_one():
    whole, resumed = (BalancedBatches(GRID, Balance(), 8, 0) for _ in range(2))
    resumed.resume(epoch=2, batches_done=len(resumed))
    whole.set_epoch(3)
    assert list(resumed) == list(whole)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 8))
def test_scoring_gives_each_window_to_one_rank_once_and_as_many_batches_to_each(n, size, ranks):
    shares = [list(ContiguousBatches(n, size, rank, ranks)) for rank in range(ranks)]
    seen = [window for batches in shares for batch in batches for window in batch]
    assert [window for window in seen if window != PADDING] == list(range(n))
    assert len({tuple(map(len, batches)) for batches in shares}) == 1
    assert seen.count(PADDING) < ranks


def test_without_a_seizure_there_is_nothing_to_draw():
    silent = WindowGrid(GRID.row, GRID.start, np.zeros(4000, np.uint8), 60)
    with pytest.raises(EmptyDraw, match="none of the 4000 training windows holds a seizure"):
        draw(silent, Balance(), 0, 0)


def test_where_every_seizure_outlasts_the_window_full_ones_are_drawn_once():
    kind = np.where(KIND == WindowKind.PARTLY_SEIZURE, WindowKind.BACKGROUND, KIND).astype(np.uint8)
    long_only = WindowGrid(GRID.row, GRID.start, kind, 60)
    drawn = draw(long_only, Balance(), 0, 0)
    n_full = long_only.count(WindowKind.FULLY_SEIZURE)
    assert np.count_nonzero(kind[drawn] == WindowKind.FULLY_SEIZURE) == n_full
    assert len(set(drawn.tolist())) == len(drawn) == n_full + round(2.5 * n_full)
