import pytest
import torch
from torch.nn import functional as F

from seizure.models.learned_graphs import learned_graphs
from seizure.models.spec import EdgeSpec, GraphSpec
from seizure.nn.decay import takes_decay
from seizure.nn.norm import BatchNorm, RMSNorm

N_SAMPLES = 256 * 8


def windows(n_windows=2, n_samples=N_SAMPLES, seed=0):
    return torch.randn(n_windows, 19, n_samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n_samples", [256, 256 * 7, 15360])
def test_every_sample_gets_a_logit(make_detector, n_samples):
    assert make_detector()(windows(1, n_samples)).shape == (1, n_samples)


def test_untrained_detector_claims_its_prior(make_detector):
    detector = make_detector(prior=0.02).eval()
    detector.to_logits.to_logit.weight.data.zero_()
    torch.testing.assert_close(detector(windows()).sigmoid(), torch.full((2, N_SAMPLES), 0.02))


@pytest.mark.parametrize("size", ["pico", pytest.param("base", marks=pytest.mark.slow)])
def test_every_parameter_gets_a_finite_gradient(make_detector, size):
    detector = make_detector(size)
    x = windows()
    F.binary_cross_entropy_with_logits(detector(x), (x[:, 0] > 1).float()).backward()
    for name, parameter in detector.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_one_window_does_not_see_another(make_detector):
    detector, x = make_detector().eval(), windows(4)
    torch.testing.assert_close(detector(x)[1:2], detector(x[1:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("every", [1, 4])
def test_edges_may_move_slower_than_nodes(make_detector, every):
    detector = make_detector(edge=EdgeSpec(8, 1, 8, 4, 2, 2, every=every))
    nodes = detector.to_electrodes(detector.encoder(windows().transpose(1, 2)))
    edges = detector.edge_stream(nodes)
    assert edges.shape == (2, 32 // every, 19, 19)
    assert torch.equal(edges, edges.mT)


def test_similarity_is_a_cosine(make_detector):
    detector = make_detector()
    nodes = torch.randn(16, 19, 2, 8)
    similarity = detector.edge_stream.similarity(nodes)
    assert similarity.shape == (2, 2, 1, 19, 19)
    first, second = nodes[:, 0, 1, 4:].flatten(), nodes[:, 1, 1, 4:].flatten()
    torch.testing.assert_close(similarity[1, 1, 0, 0, 1], F.cosine_similarity(first, second, dim=0))


def test_correlation_forgets_what_an_electrode_has_in_common_over_features(make_detector):
    edge = EdgeSpec(8, 1, 8, 4, 2, 2, every=4, similarity="correlation")
    similarity = make_detector(edge=edge).edge_stream.similarity
    nodes = torch.randn(16, 19, 2, 8)
    offset = torch.randn(19, 1, 1)
    torch.testing.assert_close(similarity(nodes + offset), similarity(nodes), rtol=0, atol=1e-5)
    expected = torch.corrcoef(nodes[:, :, 1, 4:].transpose(0, 1).flatten(1))
    torch.testing.assert_close(similarity(nodes)[1, 1, 0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("backend", ["dense", "pyg"])
@pytest.mark.parametrize("encoding", ["random_walk", "dynamic"])
def test_learned_graphs_may_tell_where_electrodes_sit(make_detector, encoding, backend):
    graph = GraphSpec(2, 0.05, 2, 3, 1e-4, 16, backend, encoding, encoding_every=2)
    detector = make_detector(graph=graph)
    assert "graph.encoding" not in detector.state_dict()
    logits = detector(windows())
    logits.square().mean().backward()
    for name, parameter in detector.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    detector.eval()
    torch.testing.assert_close(detector(windows())[1:], detector(windows()[1:]))


def test_graphs_of_windows_can_be_had_for_figures(make_detector):
    detector = make_detector().eval()
    graphs = learned_graphs(detector, windows())
    nodes = detector.to_electrodes(detector.encoder(windows().transpose(1, 2)))
    assert torch.equal(graphs, detector.edge_stream(nodes))
    assert graphs.shape == (2, 8, 19, 19)


def test_both_graph_backends_answer_the_same(make_detector):
    pyg = GraphSpec(2, 0.05, 2, 3, 1e-4, 16, backend="pyg")
    dense, reference = make_detector().eval(), make_detector(graph=pyg).eval()
    reference.load_state_dict(dense.state_dict())
    torch.testing.assert_close(dense(windows()), reference(windows()), rtol=1e-4, atol=1e-5)


def test_bfloat16_autocast_stays_finite_and_close(make_detector):
    detector, x = make_detector().eval(), windows()
    with torch.autocast("cpu", torch.bfloat16):
        logits = detector(x)
    F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits)).backward()
    assert logits.dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in detector.parameters())
    assert (logits - detector(x)).abs().max() < 0.2


def test_norms_biases_and_scan_parameters_do_not_decay(make_detector):
    for name, module in make_detector().named_modules():
        for kind, parameter in module.named_parameters(recurse=False):
            spared = isinstance(module, RMSNorm | BatchNorm) or kind in (
                "bias",
                "dt_bias",
                "A_log",
                "D",
            )
            assert takes_decay(parameter) is not spared, f"{name}.{kind}"


def test_flat_and_enormous_channels_stay_finite(make_detector):
    detector, x = make_detector(), windows(3)
    x[0, 4] = 0
    x[1] = 0
    x[2, 7, 500:510] = 1e4
    logits = detector(x)
    logits.square().mean().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in detector.parameters())


def test_same_seed_gives_the_same_answer(make_detector):
    first, second = make_detector().eval(), make_detector().eval()
    assert torch.equal(first(windows()), second(windows()))


def test_wrong_windows_are_named(make_detector):
    with pytest.raises(ValueError, match=r"multiple of 256 samples; found \(2, 19, 1000\)"):
        make_detector()(windows(2, 1000))
    with pytest.raises(ValueError, match=r"prior=1.0"):
        make_detector(prior=1.0)


def test_pico_learns_one_batch_by_heart(make_detector):
    detector, x = make_detector(dropout=0.0), windows(4, 64 * 40)
    target = (torch.arange(x.shape[-1]) // 320 % 2).float().expand(4, -1).clone()
    target[::2] = 1 - target[::2]
    optimiser = torch.optim.AdamW(detector.parameters(), lr=5e-3, weight_decay=0.0)
    for _ in range(120):
        loss = F.binary_cross_entropy_with_logits(detector(x), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    assert ((detector(x) > 0) == (target > 0)).float().mean() > 0.97


@pytest.mark.parametrize(("size", "low", "high"), [("pico", 50_000, 200_000), ("base", 4e6, 8e6)])
def test_sizes_are_what_they_are_called(make_detector, size, low, high):
    assert low < sum(p.numel() for p in make_detector(size).parameters()) < high


def test_base_sees_as_far_as_the_published_encoder(make_detector):
    detector = make_detector("base")
    x = torch.randn(1, 4096, 19, requires_grad=True)
    detector.encoder(x)[0, 128].sum().backward()
    reached = x.grad.abs().amax((0, 2)).nonzero().flatten()
    assert reached[-1] - reached[0] + 1 >= 1546
