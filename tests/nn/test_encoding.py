import numpy as np
import pytest
import torch

from seizure.eeg.channels import CANONICAL_19, positions_of
from seizure.nn.encoding import laplacian_encoding, structural_graph


def graph():
    return structural_graph(positions_of(CANONICAL_19))


def test_nearest_neighbours_weigh_most_and_nobody_is_cut_off():
    weight = graph()
    assert np.array_equal(weight, weight.T)
    assert (weight.max(axis=1) > 0.3).all()
    c3 = CANONICAL_19.index("C3")
    strongest = {CANONICAL_19[i] for i in np.argsort(weight[c3])[-4:]}
    assert strongest == {"F3", "P3", "T3", "Cz"}


def test_encoding_holds_orthogonal_eigenvectors():
    encoding = laplacian_encoding(graph(), 16).double()
    torch.testing.assert_close(
        encoding.T @ encoding, 19 * torch.eye(16).double(), rtol=1e-4, atol=1e-4
    )


def test_encoding_tells_all_electrodes_apart():
    encoding = laplacian_encoding(graph(), 4)
    distance = torch.cdist(encoding, encoding) + 10 * torch.eye(19)
    assert distance.min() > 0.1


def test_signs_do_not_flip_under_noise():
    weight = graph()
    noise = np.random.default_rng(0).normal(size=weight.shape) * 1e-7
    noisy = laplacian_encoding(weight + (noise + noise.T) * (weight > 0), 16)
    assert (laplacian_encoding(weight, 16) * noisy).sum(0).min() > 18


def test_encoding_follows_the_order_of_electrodes():
    flipped = laplacian_encoding(structural_graph(positions_of(CANONICAL_19[::-1])), 8)
    expected = laplacian_encoding(graph(), 8)
    torch.testing.assert_close(flipped.flip(0).abs(), expected.abs(), rtol=1e-3, atol=1e-4)


def test_impossible_requests_are_named():
    with pytest.raises(ValueError, match="Foo"):
        positions_of(("Cz", "Foo"))
    with pytest.raises(ValueError, match="at most 18"):
        laplacian_encoding(graph(), 19)
