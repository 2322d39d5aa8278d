"""The mark that keeps a parameter from weight decay, set where the parameter is made."""

from typing import TypeVar

from torch import Tensor, nn

TensorT = TypeVar("TensorT", bound=Tensor)


LayerT = TypeVar("LayerT", bound=nn.Module)


def no_decay(parameter: TensorT) -> TensorT:
    """The same parameter, marked: the optimiser shall not shrink it.

    >>> import torch
    >>> takes_decay(no_decay(nn.Parameter(torch.ones(3))))
    False
    """
    parameter._no_decay = True  # type: ignore[attr-defined]
    return parameter


def takes_decay(parameter: Tensor) -> bool:
    """Whether the optimiser may shrink this parameter."""
    return not getattr(parameter, "_no_decay", False)


def no_decay_on_bias(module: LayerT) -> LayerT:
    """The same linear or convolution layer, its bias marked."""
    bias = module.bias
    if isinstance(bias, nn.Parameter):
        no_decay(bias)
    return module
