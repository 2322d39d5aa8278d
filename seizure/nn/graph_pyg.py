"""The same graph convolution by PyTorch Geometric, many graphs as one disjoint batch."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.nn import SSGConv

from seizure.nn.decay import no_decay_on_bias


class DisjointBatch(NamedTuple):
    """Many graphs as one without edges between them, in the form PyTorch Geometric reads."""

    edge_index: Tensor  # (2, edge)
    edge_weight: Tensor  # (edge,)

    @classmethod
    def of(cls, adjacency: Tensor) -> "DisjointBatch":
        """From dense graphs (..., node, node); an entry of zero is no edge."""
        graphs = adjacency.flatten(0, -3)
        graph, source, target = graphs.nonzero(as_tuple=True)
        first_node = graph * graphs.shape[-1]
        return cls(
            torch.stack([first_node + source, first_node + target]), graphs[graph, source, target]
        )


class PygSSGConv(SSGConv):
    """The slower twin of `seizure.nn.graph.SSGConv`, with the same parameters and signature.

    >>> conv = PygSSGConv(4 + 2, 8, alpha=0.05, n_hops=2)
    >>> conv(torch.ones(5, 19, 3, 4), conv.prepare(torch.ones(5, 19, 19)), torch.ones(19, 2)).shape
    torch.Size([5, 19, 3, 8])
    """

    def __init__(self, n_in: int, n_out: int, alpha: float, n_hops: int) -> None:
        super().__init__(n_in, n_out, alpha, n_hops)
        no_decay_on_bias(self.lin)

    def prepare(self, adjacency: Tensor) -> Tensor:
        """The graphs themselves: the disjoint batch depends on how many frames share one."""
        return adjacency

    def forward(self, x: Tensor, prepared: Tensor, static: Tensor) -> Tensor:  # type: ignore[override]
        n_frames = x.shape[-2]
        static = static.unsqueeze(-2).expand(*x.shape[:-1], -1)
        nodes = torch.cat([x, static], dim=-1).transpose(-2, -3)  # (..., frame, node, feature)
        graphs = prepared.unsqueeze(-3).expand(*prepared.shape[:-2], n_frames, -1, -1)
        h = super().forward(nodes.flatten(0, -2), *DisjointBatch.of(graphs))
        return h.view(*nodes.shape[:-1], -1).transpose(-2, -3)
