"""The graphs that a detector makes of EEG, for figures."""

import torch
from torch import Tensor

from seizure.models.detector import Detector


@torch.no_grad()
def learned_graphs(detector: Detector, eeg: Tensor) -> Tensor:
    """The graphs that a detector with a graph network sees in windows, for figures.

    (batch, channel, time) to (batch, edge step, electrode, electrode); what can be plotted of
    them is in `seizure.nn.graph.graph_statistics`. Raises `AttributeError` without a graph network.
    """
    seen: list[Tensor] = []
    graph = detector.get_submodule("graph")
    hook = graph.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    try:
        detector(eeg)
    finally:
        hook.remove()
    return seen[0]
