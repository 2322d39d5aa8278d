"""Graph convolution over electrodes, many small graphs at once."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seizure.nn.decay import no_decay_on_bias


def sparse_adjacency(weight: Tensor, top_k: int, threshold: float) -> Tensor:
    """A symmetric graph of each electrode's strongest edges.

    weight (..., node, node), symmetric and not negative. An edge stays when it is among the `top_k`
    of either end and above `threshold`; an electrode left alone gets a self-loop of weight 1.

    >>> sparse_adjacency(torch.tensor([[0.0, 0.5], [0.5, 0.0]]), top_k=1, threshold=0.6)
    tensor([[1., 0.],
            [0., 1.]])
    """
    n_nodes = weight.shape[-1]
    itself = torch.eye(n_nodes, dtype=torch.bool, device=weight.device)
    with torch.no_grad():
        candidates = weight.masked_fill(itself, 0)
        strongest = candidates.topk(min(top_k, n_nodes - 1), dim=-1).indices
        kept = torch.zeros_like(candidates, dtype=torch.bool).scatter_(-1, strongest, True)
        kept = (kept | kept.mT) & (candidates > threshold)
        alone = (~kept.any(-1, keepdim=True)) & itself
    return weight * kept + alone.to(weight.dtype)


class GraphStatistics(NamedTuple):
    """How connected graphs are, for figures; a self-loop is no edge."""

    degree: Tensor  # edges of each electrode (..., node)
    density: Tensor  # share of the possible edges that exist (...)
    mean_weight: Tensor  # of the edges that exist, 0 where there are none (...)
    n_isolated: Tensor  # electrodes without an edge (...)


@torch.no_grad()
def graph_statistics(adjacency: Tensor) -> GraphStatistics:
    """What can be plotted of graphs (..., node, node), one value a graph or node; no gradients.

    >>> pair = torch.tensor([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> found = graph_statistics(pair)
    >>> found.degree.tolist(), round(float(found.density), 2), float(found.mean_weight)
    ([1.0, 1.0, 0.0], 0.33, 0.5)
    """
    n_nodes = adjacency.shape[-1]
    itself = torch.eye(n_nodes, dtype=torch.bool, device=adjacency.device)
    between = adjacency.masked_fill(itself, 0)
    degree = (between > 0).sum(-1).to(adjacency.dtype)
    n_ends = degree.sum(-1)
    return GraphStatistics(
        degree=degree,
        density=n_ends / (n_nodes * (n_nodes - 1)),
        mean_weight=between.sum((-1, -2)) / n_ends.masked_fill(n_ends == 0, 1),
        n_isolated=(degree == 0).sum(-1),
    )


def propagation(adjacency: Tensor, alpha: float, n_hops: int) -> Tensor:
    """What one graph convolution does to node features, as a matrix (..., node, node).

    `P = alpha I + (1 - alpha) / K (N + N^2 + ... + N^K)`, N the adjacency with self-loops of weight
    1 where none are, scaled by the square roots of both ends' degrees.

    Source: Zhu and Koniusz 2021, "Simple spectral graph convolution", equation 8.

    >>> propagation(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), alpha=0.5, n_hops=2)
    tensor([[0.7500, 0.2500],
            [0.2500, 0.7500]])
    """
    itself = torch.eye(adjacency.shape[-1], dtype=adjacency.dtype, device=adjacency.device)
    looped = adjacency + itself * (adjacency == 0)
    scale = looped.sum(-1).rsqrt()  # a self-loop makes every degree positive
    hop = scale.unsqueeze(-1) * looped * scale.unsqueeze(-2)
    walks, total = hop, hop
    for _ in range(n_hops - 1):
        walks = walks @ hop
        total = total + walks
    return alpha * itself + (1 - alpha) / n_hops * total


class SSGConv(nn.Module):
    """`P [x | static] W^T + b` in dense products, with PyTorch Geometric's parameters.

    x (..., node, frame, feature), where the frames of one entry share a graph; `static` (node,
    feature), or (..., node, feature) for each graph its own, is joined to the features of every
    frame.

    >>> conv = SSGConv(4 + 2, 8, alpha=0.05, n_hops=2)
    >>> conv(torch.ones(5, 19, 3, 4), conv.prepare(torch.ones(5, 19, 19)), torch.ones(19, 2)).shape
    torch.Size([5, 19, 3, 8])
    """

    def __init__(self, n_in: int, n_out: int, alpha: float, n_hops: int) -> None:
        super().__init__()
        self.alpha, self.n_hops = alpha, n_hops
        self.lin = no_decay_on_bias(nn.Linear(n_in, n_out))

    def prepare(self, adjacency: Tensor) -> Tensor:
        """What `forward` needs of graphs (..., node, node), in their own precision."""
        with torch.autocast(adjacency.device.type, enabled=False):
            return propagation(adjacency, self.alpha, self.n_hops)

    def forward(self, x: Tensor, prepared: Tensor, static: Tensor) -> Tensor:
        # Linear first: P then acts on the fewer features, and the static part costs nothing.
        moving, fixed = self.lin.weight.split([x.shape[-1], static.shape[-1]], dim=1)
        h = x @ moving.t() + (static @ fixed.t()).unsqueeze(-2)
        return (prepared @ h.flatten(-2)).view(h.shape) + self.lin.bias
