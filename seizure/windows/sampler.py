"""Which windows an epoch learns from: a balanced draw that depends on seed and epoch alone."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from seizure.windows.grid import WindowGrid, WindowKind
from seizure.windows.spec import Balance


class EmptyDraw(ValueError):
    """There is no window with a seizure to learn from."""


def draw(grid: WindowGrid, balance: Balance, seed: int, epoch: int) -> NDArray[np.int32]:
    """Indices into the grid for one epoch, shuffled: a pure function of its arguments.

    Raises `EmptyDraw` if no window holds a seizure.
    """
    rng = np.random.default_rng((seed, epoch))
    n_background, n_partly, n_full = drawn_of_each_kind(grid, balance)
    partly = np.flatnonzero(grid.kind == WindowKind.PARTLY_SEIZURE)
    full = np.flatnonzero(grid.kind == WindowKind.FULLY_SEIZURE)
    background = np.flatnonzero(grid.kind == WindowKind.BACKGROUND)
    drawn = np.concatenate(
        [
            partly if n_partly else full,
            rng.choice(full, n_full if n_partly else 0, replace=False, shuffle=False),
            rng.choice(background, n_background, replace=False, shuffle=False),
        ]
    )
    rng.shuffle(drawn)  # faster on the 64 bits that numpy's own indices have
    return np.tile(drawn[: balance.windows_per_epoch], balance.repeats).astype(np.int32)


def drawn_of_each_kind(grid: WindowGrid, balance: Balance) -> tuple[int, int, int]:
    """How many windows an epoch draws of each `WindowKind`, before it is cut to its length.

    Raises `EmptyDraw` if no window holds a seizure.
    """
    n_background, n_partly, n_full = (grid.count(kind) for kind in WindowKind)
    # Where every seizure outlasts the window there are no edges: full windows take their place.
    n_anchor = n_partly or n_full
    if n_anchor == 0:
        raise EmptyDraw(
            f"none of the {len(grid)} training windows holds a seizure; "
            f"check the annotations of the training split"
        )
    if n_partly:
        n_full = min(n_full, round(balance.full_ratio * n_anchor))
    return min(n_background, round(balance.background_ratio * n_anchor)), n_partly, n_full


class BalancedBatches(Sampler[list[int]]):
    """Batches of window indices of one rank, drawn anew each epoch and able to start part-way.

    Every rank gets the same number of batches, so that none waits for another; the fewer than
    `batch_size · world_size` windows left over are drawn again in a later epoch.
    """

    def __init__(
        self,
        grid: WindowGrid,
        balance: Balance,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.grid = grid
        self.balance = balance
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._resume_epoch = 0
        self._resume_batch = 0
        self._n_drawn = len(draw(grid, balance, seed, 0))
        if len(self) == 0:
            raise EmptyDraw(
                f"an epoch draws {self._n_drawn} windows, fewer than one batch of {batch_size} "
                f"on each of {world_size} ranks; lower loader.batch_size"
            )

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def resume(self, epoch: int, batches_done: int) -> None:
        """Start at `epoch`, after the batches of it that an interrupted run has learnt from."""
        if batches_done >= len(self):
            epoch, batches_done = epoch + 1, 0
        # Workers fetch ahead as soon as the loader is iterated, before Lightning names the epoch.
        self.epoch = self._resume_epoch = epoch
        self._resume_batch = batches_done

    def __len__(self) -> int:
        return self._n_drawn // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[list[int]]:
        drawn = draw(self.grid, self.balance, self.seed, self.epoch)
        mine = drawn[self.rank :: self.world_size]
        first = self._resume_batch if self.epoch == self._resume_epoch else 0
        for batch in range(first, len(self)):
            yield mine[batch * self.batch_size : (batch + 1) * self.batch_size].tolist()


# Asked for in place of a window where a rank has none left.
PADDING = -1


class ContiguousBatches(Sampler[list[int]]):
    """Batches of window indices in the order of the grid, each window once over all ranks.

    Every rank gets equally many, in a block of its own, the last ones filled up with `PADDING`:
    ranks exchange buffers in each forward pass, and one with a batch less would leave the others
    waiting.
    """

    def __init__(self, n_windows: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.n_windows = n_windows
        self.batch_size = batch_size
        self._n_mine = -(-n_windows // world_size)
        self._first = rank * self._n_mine

    def __len__(self) -> int:
        return -(-self._n_mine // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        mine = np.arange(self._first, self._first + self._n_mine, dtype=np.int32)
        mine[mine >= self.n_windows] = PADDING
        for first in range(0, len(mine), self.batch_size):
            yield mine[first : first + self.batch_size].tolist()
