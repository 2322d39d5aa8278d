"""The mark that keeps a parameter from weight decay, set where the parameter is made."""

from typing import TypeVar

from torch import nn

ParameterT = TypeVar("ParameterT", bound=nn.Parameter)


def no_decay(parameter: ParameterT) -> ParameterT:
    """The same parameter, marked: the optimiser shall not shrink it.

    >>> import torch
    >>> takes_decay(no_decay(nn.Parameter(torch.ones(3))))
    False
    """
    parameter._no_decay = True  # type: ignore[attr-defined]
    return parameter


def takes_decay(parameter: nn.Parameter) -> bool:
    """Whether the optimiser may shrink this parameter."""
    return not getattr(parameter, "_no_decay", False)


def no_decay_on_bias(module: nn.Module) -> nn.Module:
    """The same linear or convolution layer, its bias marked."""
    if isinstance(module.bias, nn.Parameter):
        no_decay(module.bias)
    return module
