"""Weights put into a network, with every disagreement named."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SHOWN = 8


class WeightsError(ValueError):
    """A state dict that is not exactly what a network holds."""


@dataclass(frozen=True)
class WeightsReport:
    """Which entries of a state dict a network takes, lacks, does not know, or has reshaped."""

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    """In the network, not in the state dict."""
    unexpected: tuple[str, ...]
    """In the state dict, not in the network."""
    misshapen: tuple[str, ...]
    """In both; each as `name: found shape, expected shape`."""

    @property
    def is_complete(self) -> bool:
        """Whether every entry of either side was used."""
        return not (self.missing or self.unexpected or self.misshapen)

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} matched"]
        for kind in ("missing", "unexpected", "misshapen"):
            names = getattr(self, kind)
            shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
            parts.append(f"{len(names)} {kind}" + (f" ({shown})" if names else ""))
        return "; ".join(parts)


def load_weights(
    network: nn.Module, state: Mapping[str, Tensor], allow_partial: bool = False
) -> WeightsReport:
    """Copy a state dict into a network and say what matched; the network is untouched on failure.

    With `allow_partial` the entries that match are loaded and the report says what was left; a
    report that matched nothing still raises.

    >>> network = nn.Linear(2, 1)
    >>> str(load_weights(network, network.state_dict()))
    '2 matched; 0 missing; 0 unexpected; 0 misshapen'
    """
    report = compare_weights(network, state)
    if not report.matched or not (allow_partial or report.is_complete):
        raise WeightsError(
            f"these weights are not those of {type(network).__name__}: {report}. Build the network "
            f"from the configuration stored beside the weights, or load with allow_partial=True to "
            f"take only what matches"
        )
    own = network.state_dict()
    with torch.no_grad():
        for name in report.matched:
            own[name].copy_(state[name])
    return report


def compare_weights(network: nn.Module, state: Mapping[str, Tensor]) -> WeightsReport:
    """What `load_weights` would find, without loading."""
    own = network.state_dict()
    shared = [name for name in own if name in state]
    misshapen = [name for name in shared if own[name].shape != state[name].shape]
    return WeightsReport(
        matched=tuple(name for name in shared if name not in misshapen),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        misshapen=tuple(
            f"{name}: found {tuple(state[name].shape)}, expected {tuple(own[name].shape)}"
            for name in misshapen
        ),
    )
