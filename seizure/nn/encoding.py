"""Where electrodes sit, as features: eigenvectors of a fixed graph over the scalp."""

import numpy as np
import torch
from torch import Tensor

from seizure.eeg.channels import CANONICAL_19, POSITIONS


def electrode_positions(channel_names: tuple[str, ...]) -> np.ndarray:
    """Unit-sphere positions of named electrodes, (electrode, 3); raises on an unknown name.

    >>> electrode_positions(("Cz",)).shape
    (1, 3)
    """
    unknown = [name for name in channel_names if name not in CANONICAL_19]
    if unknown:
        raise ValueError(
            f"no position is known for {', '.join(unknown)}; expected names of the 10-20 system: "
            f"{', '.join(CANONICAL_19)}"
        )
    return POSITIONS[[CANONICAL_19.index(name) for name in channel_names]]


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
