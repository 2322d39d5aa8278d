import numpy as np
import pytest
import torch

from seizure.eeg.channels import CANONICAL_19, positions_of
from seizure.nn.encoding import (
    DynamicEncoding,
    RandomWalkEncoding,
    laplacian_encoding,
    structural_graph,
)
from seizure.nn.graph import sparse_adjacency


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


def learned(n_steps=7, seed=0):
    draw = torch.Generator().manual_seed(seed)
    weight = torch.rand(2, n_steps, 19, 19, generator=draw)
    return sparse_adjacency((weight + weight.mT) / 2, top_k=3, threshold=1e-4)


def test_return_probabilities_are_those_of_powers_of_the_walk():
    graphs = learned()
    walk = (graphs / graphs.sum(-1, keepdim=True))[1, 4].double()
    found = RandomWalkEncoding(5, every=1)(graphs)[1, 4].double()
    expected = [torch.linalg.matrix_power(walk, n).diagonal() for n in range(1, 6)]
    torch.testing.assert_close(found, torch.stack(expected, -1), rtol=1e-5, atol=1e-7)


def test_return_probabilities_of_an_electrode_alone_are_one():
    assert torch.equal(
        RandomWalkEncoding(4, every=1)(torch.eye(19).view(1, 1, 19, 19)), torch.ones(1, 1, 19, 4)
    )


def test_gradients_of_return_probabilities_are_exact():
    graphs = learned(2)[:1].double().requires_grad_()
    encode = RandomWalkEncoding(3, every=1)
    loss = encode(graphs).square().sum()
    (gradient,) = torch.autograd.grad(loss, graphs)
    # The encoding itself is computed in float32, so the slope is taken over a wide step.
    direction, step = torch.randn(graphs.shape).double() * (graphs > 0), 1e-2
    with torch.no_grad():
        ahead, behind = (encode(graphs + s * direction).double() for s in (step, -step))
    slope = (ahead.square().sum() - behind.square().sum()) / (2 * step)
    assert slope == pytest.approx(float((gradient * direction).sum()), rel=2e-2)


def test_dynamic_encoding_holds_eigenvectors_of_each_learned_graph():
    graphs = learned()
    vectors = DynamicEncoding(6, every=1).eval()(graphs).double()
    scale = graphs.double().sum(-1).rsqrt()
    laplacian = torch.eye(19) - scale.unsqueeze(-1) * graphs * scale.unsqueeze(-2)
    values = (vectors * (laplacian @ vectors)).sum(-2, keepdim=True) / 19
    torch.testing.assert_close(laplacian @ vectors, values * vectors, rtol=0, atol=1e-4)
    assert (values.diff(dim=-1) > -1e-6).all()


def test_dynamic_encoding_has_no_gradient_and_stays_float32_under_autocast():
    graphs = learned().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        encoding = DynamicEncoding(6, every=2)(graphs)
    assert not encoding.requires_grad
    assert encoding.dtype == torch.float32


def test_signs_are_drawn_in_training_and_settled_otherwise():
    graphs, encode = learned(), DynamicEncoding(6, every=1)
    torch.manual_seed(0)
    first, second = encode(graphs), encode(graphs)
    ratio = (first * second).sum(-2) / 19
    assert torch.allclose(ratio.abs(), torch.ones(()), atol=1e-4)
    assert 0.3 < (ratio < 0).float().mean() < 0.7
    encode.eval()
    assert torch.equal(encode(graphs), encode(graphs))


@pytest.mark.parametrize("kind", [DynamicEncoding, RandomWalkEncoding])
@pytest.mark.parametrize("every", [2, 3, 10])
def test_encodings_between_two_steps_are_those_of_the_earlier(kind, every):
    graphs = learned()
    full, sparse = kind(4, 1).eval()(graphs), kind(4, every).eval()(graphs)
    held = full[:, [t - t % every for t in range(7)]]
    torch.testing.assert_close(sparse, held, rtol=1e-4, atol=1e-4)


def test_only_every_nth_graph_is_decomposed(monkeypatch):
    n_decomposed, eigh = [], torch.linalg.eigh

    def counting(graphs):
        n_decomposed.append(graphs.shape[:-2].numel())
        return eigh(graphs)

    monkeypatch.setattr(torch.linalg, "eigh", counting)
    DynamicEncoding(4, every=3)(learned(7))
    assert n_decomposed == [2 * 3]
