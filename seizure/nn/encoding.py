"""Where electrodes sit, as features: eigenvectors of a fixed graph over the scalp."""

import numpy as np
import torch
from torch import Tensor


def structural_graph(positions: np.ndarray) -> np.ndarray:
    """How near electrodes are, (electrode, electrode), symmetric, in [0, 1], zero on the diagonal.

    A Gaussian of the chord between two electrodes, as wide as the median chord to a nearest
    neighbour, so that neighbours dominate and no electrode is cut off.
    """
    chord = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(chord, np.inf)
    width = np.median(chord.min(axis=1))
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
    scale = 1 / np.sqrt(graph.sum(axis=1))
    laplacian = np.eye(n_nodes) - scale[:, None] * graph * scale[None]
    vectors = np.linalg.eigh(laplacian)[1][:, 1 : n_vectors + 1]
    # Mirrored electrodes tie for the largest entry; the first of them decides, on every machine.
    magnitude = np.abs(vectors)
    decisive = np.argmax(magnitude >= magnitude.max(axis=0) * 0.999, axis=0)
    signs = np.sign(vectors[decisive, np.arange(n_vectors)])
    return torch.from_numpy(vectors * signs * np.sqrt(n_nodes)).float()
