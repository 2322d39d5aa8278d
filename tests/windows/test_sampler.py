"""A draw is balanced, depends on seed and epoch alone, and is shared out without overlap."""

import numpy as np
import pytest

from seizure.windows.grid import WindowGrid, WindowKind
from seizure.windows.sampler import BalancedBatches, ContiguousBatches, EmptyDraw, draw
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


def test_ranks_share_an_epoch_without_overlap_and_in_equal_numbers():
    ranks = [BalancedBatches(GRID, Balance(), 8, 0, rank, 3) for rank in range(3)]
    seen = [np.concatenate(list(rank)) for rank in ranks]
    assert len({len(part) for part in seen}) == 1
    assert len(set(np.concatenate(seen).tolist())) == sum(map(len, seen))


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


def test_contiguous_batches_give_each_window_to_one_rank_once():
    for world_size in (1, 2, 3):
        seen = [
            window
            for rank in range(world_size)
            for batch in ContiguousBatches(101, 8, rank, world_size)
            for window in batch
        ]
        assert seen == list(range(101))


def test_without_a_seizure_there_is_nothing_to_draw():
    silent = WindowGrid(GRID.row, GRID.start, np.zeros(4000, np.uint8), 60)
    with pytest.raises(EmptyDraw, match="none of the 4000 training windows holds a seizure"):
        draw(silent, Balance(), 0, 0)
