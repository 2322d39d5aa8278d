"""Recomputing layers changes what is kept in memory, not what is learnt."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from seizure.nn.bidirectional import BidirectionalMamba
from seizure.nn.mamba_stack import recompute_streams


def gradients(stack, x):
    """Every gradient of a step with dropout, and the bytes kept for the backward pass."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(1)
    x = x.clone().requires_grad_()
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        y = stack(x)
    y.square().mean().backward()
    found = {name: p.grad.clone() for name, p in stack.named_parameters()}
    stack.zero_grad()
    return {**found, "x": x.grad, "y": y.detach()}, sum(kept.values())


def test_recomputed_layers_give_the_same_gradients_from_less_memory():
    torch.manual_seed(0)
    stack = BidirectionalMamba(16, 3, 8, 4, 2, 4, dropout=0.3)
    x = torch.randn(16, 4, 64)
    expected, n_bytes = gradients(stack, x)
    recompute_streams(stack)
    found, n_bytes_recomputed = gradients(stack, x)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert n_bytes_recomputed < n_bytes / 4


def test_what_is_not_there_cannot_be_recomputed():
    with pytest.raises(ValueError, match="Linear has no stack of Mamba-2"):
        recompute_streams(nn.Linear(2, 2))
