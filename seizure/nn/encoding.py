"""Where electrodes sit, as features: from a fixed graph over the scalp, or from a learned graph.

Eigenvectors of a fixed graph are computed once. Those of a learned graph are defined only up to
sign and, where eigenvalues meet, up to a rotation, and their gradients grow without bound: so none
are taken, and signs are drawn anew in training. Return probabilities of a walk have neither flaw.
"""

import numpy as np
import torch
from torch import Tensor, nn

from seizure.nn.norm import widened


def structural_graph(positions: np.ndarray) -> np.ndarray:
    """How near electrodes are, (electrode, electrode), symmetric, in [0, 1], zero on the diagonal.

    A Gaussian of the chord between two electrodes, as wide as the median chord to a nearest
    neighbour, so that neighbours dominate and no electrode is cut off.
    """
    graph = _nearness(positions, positions, _width(positions))
    np.fill_diagonal(graph, 0)
    return graph


def encoding_elsewhere(encoding: Tensor, positions: np.ndarray, wanted: np.ndarray) -> Tensor:
    """An encoding of electrodes (electrode, feature) carried over to other places (place, feature).

    Where a place is an electrode's it is that electrode's to rounding, and smooth in between.

    Source: Rasmussen and Williams 2006, "Gaussian processes for machine learning", equation 2.25
    without noise; the covariance is the nearness of `structural_graph`.

    >>> from seizure.eeg.channels import POSITIONS
    >>> known = laplacian_encoding(structural_graph(POSITIONS), 16)
    >>> bool((encoding_elsewhere(known, POSITIONS, POSITIONS[4:6]) - known[4:6]).abs().max() < 1e-6)
    True
    """
    width = _width(positions)
    shares = np.linalg.solve(
        _nearness(positions, positions, width), _nearness(positions, wanted, width)
    )
    return torch.from_numpy(shares.T).to(encoding) @ encoding


def _width(positions: np.ndarray) -> float:
    chord = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(chord, np.inf)
    return float(np.median(chord.min(axis=1)))


def _nearness(one: np.ndarray, other: np.ndarray, width: float) -> np.ndarray:
    chord = np.linalg.norm(one[:, None] - other[None], axis=-1)
    return np.exp(-0.5 * (chord / width) ** 2)


def laplacian_encoding(graph: np.ndarray, n_vectors: int) -> Tensor:
    """The smoothest non-constant eigenvectors of a graph, (electrode, n_vectors), unit variance.

    Source: Dwivedi and Bresson 2021, "A generalization of transformer networks to graphs",
    section 2.1. The graph is fixed, so the eigenvectors are computed once, in float64, and their
    signs are settled by their largest entry.

    >>> from seizure.eeg.channels import POSITIONS
    >>> laplacian_encoding(structural_graph(POSITIONS), 16).shape
    torch.Size([19, 16])
    """
    n_nodes = len(graph)
    if not 0 <= n_vectors < n_nodes:
        raise ValueError(
            f"{n_vectors} Laplacian eigenvectors asked of a graph with {n_nodes} nodes; "
            f"expected at most {n_nodes - 1}"
        )
    return _smoothest(torch.from_numpy(graph), n_vectors).float()


class DynamicEncoding(nn.Module):
    """Eigenvectors of every n-th learned graph, without gradients, in float32.

    (batch, edge step, electrode, electrode) to (batch, edge step, electrode, n_vectors); a step
    between two of them has the earlier one's. Signs are settled by the largest entry, and in
    training drawn at random, so that nothing is learnt from them.

    Source: Dwivedi and Bresson 2021, as above.

    >>> DynamicEncoding(4, every=2)(torch.rand(1, 6, 19, 19)).shape
    torch.Size([1, 6, 19, 4])
    """

    def __init__(self, n_vectors: int, every: int) -> None:
        super().__init__()
        self.n_vectors, self.every = n_vectors, every

    @torch.no_grad()
    def forward(self, graphs: Tensor, present: Tensor | None = None) -> Tensor:
        """Electrodes that are not `present` (batch, electrode) must have no edge."""
        with torch.autocast(graphs.device.type, enabled=False):
            vectors = _smoothest(widened(graphs[:, :: self.every]), self.n_vectors, present)
        if self.training:
            signs = torch.randint(0, 2, vectors[..., :1, :].shape, device=vectors.device)
            vectors = vectors * (2 * signs - 1)
        return _held(vectors, self.every, graphs.shape[1])


class RandomWalkEncoding(nn.Module):
    """The probability of being back after 1, 2, ... steps of a walk on every n-th learned graph.

    (batch, edge step, electrode, electrode) to (batch, edge step, electrode, n_steps), in [0, 1]
    and float32, with gradients; a step between two of them has the earlier one's.

    Source: Dwivedi et al. 2022, "Graph neural networks with learnable structural and positional
    representations", section 3.2.

    >>> pair = torch.tensor([[0.0, 2.0], [2.0, 0.0]]).view(1, 1, 2, 2)
    >>> RandomWalkEncoding(3, every=1)(pair)[0, 0]
    tensor([[0., 1., 0.],
            [0., 1., 0.]])
    """

    def __init__(self, n_steps: int, every: int) -> None:
        super().__init__()
        self.n_steps, self.every = n_steps, every

    def forward(self, graphs: Tensor, present: Tensor | None = None) -> Tensor:
        """A walk meets no electrode without edges: `present` changes nothing."""
        with torch.autocast(graphs.device.type, enabled=False):
            some = widened(graphs[:, :: self.every])
            walk = some / some.sum(-1, keepdim=True)
            back, after = [], walk
            for _ in range(self.n_steps):
                back.append(after.diagonal(dim1=-2, dim2=-1))
                after = after @ walk
        return _held(torch.stack(back, -1), self.every, graphs.shape[1])


def _smoothest(graphs: Tensor, n_vectors: int, present: Tensor | None = None) -> Tensor:
    # (..., node, node) without loose nodes, to (..., node, n_vectors); or with `present` (batch,
    # node) those of (batch, step, node, node)
    n_nodes = graphs.shape[-1]
    scale = graphs.sum(-1).rsqrt()
    itself = torch.eye(n_nodes, dtype=graphs.dtype, device=graphs.device)
    laplacian = itself - scale.unsqueeze(-1) * graphs * scale.unsqueeze(-2)
    n_present = n_nodes
    if present is not None:
        # Beyond all eigenvalues of the others, which are at most 2: theirs come first.
        laplacian = laplacian + 3 * torch.diag_embed((~present).to(graphs.dtype)).unsqueeze(1)
        n_present = present.sum(1).to(graphs.dtype).view(-1, 1, 1, 1)
    vectors = torch.linalg.eigh(laplacian).eigenvectors[..., 1 : n_vectors + 1]
    # Mirrored electrodes tie for the largest entry; the first of them decides, on every machine.
    magnitude = vectors.abs()
    decisive = (
        (magnitude >= magnitude.amax(-2, keepdim=True) * 0.999).int().argmax(-2, keepdim=True)
    )
    return vectors * vectors.gather(-2, decisive).sign() * n_present**0.5


def _held(encoding: Tensor, every: int, n_steps: int) -> Tensor:
    return encoding.repeat_interleave(every, dim=1)[:, :n_steps]
