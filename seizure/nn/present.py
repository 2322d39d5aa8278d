"""Layers that work on the electrodes that are there, where windows lack different ones."""

from collections.abc import Callable

from torch import Tensor


class Present:
    """Which electrodes each window has, (batch, electrode) bool, and the rows that layers read.

    `pairs` (2, pair) names the ends of each pair; a pair is there if both are.
    """

    def __init__(self, electrodes: Tensor, pairs: Tensor) -> None:
        self.electrodes = electrodes
        self.pairs = electrodes[:, pairs[0]] & electrodes[:, pairs[1]]  # (batch, pair)
        self.n_electrodes = electrodes.sum(1)  # (batch,)
        self.of_windows = _rows(electrodes)  # of (batch·electrode)
        self.of_electrodes = _rows(electrodes.t())  # of (electrode·batch)
        self.of_pairs = _rows(self.pairs.t())  # of (pair·batch)


def over_rows(function: Callable[[Tensor], Tensor], x: Tensor, rows: Tensor, dim: int) -> Tensor:
    """`function` of some rows of `x` along `dim`, zeros in place of the others.

    >>> import torch
    >>> x, rows = torch.tensor([1.0, 9.0, 2.0]), torch.tensor([0, 2])
    >>> over_rows(lambda some: some + some.sum(), x, rows, dim=0)
    tensor([4., 0., 5.])
    """
    some = function(x.index_select(dim, rows))
    shape = list(some.shape)
    shape[dim] = x.shape[dim]
    return some.new_zeros(shape).index_copy(dim, rows, some)


def _rows(present: Tensor) -> Tensor:
    return present.flatten().nonzero().squeeze(1)
