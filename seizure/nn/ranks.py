"""What the processes of one run share within a step, so that together they learn as one would."""

from typing import Any

import torch
from torch import Tensor, distributed


def n_ranks() -> int:
    """How many processes learn together; 1 outside of a distributed run."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def mean_over_ranks(x: Tensor) -> Tensor:
    """The mean of `x` over the processes of a run, with its gradient; all of them must call it.

    >>> mean_over_ranks(torch.ones(2))
    tensor([1., 1.])
    """
    if n_ranks() == 1:
        return x
    return _MeanOverRanks.apply(x)  # type: ignore[return-value]


class _MeanOverRanks(torch.autograd.Function):
    # Each rank's result depends on each rank's input alike: the operation is its own gradient.

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _mean(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _mean(gradients[0])


def _mean(x: Tensor) -> Tensor:
    # gloo has no mean of its own.
    total = x.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total / n_ranks()
