import pytest
import torch

from seizure.nn.graph import SSGConv, graph_statistics, sparse_adjacency
from seizure.nn.graph_pyg import PygSSGConv


def random_weights(seed=0, n_nodes=19, graphs=(3, 4)):
    draw = torch.Generator().manual_seed(seed)
    weight = torch.rand(*graphs, n_nodes, n_nodes, generator=draw)
    weight = (weight + weight.mT) / 2 * (1 - torch.eye(n_nodes))
    weight[..., 5, :] = weight[..., :, 5] = 0  # an electrode without any edge
    return weight


def test_graph_is_symmetric_and_keeps_the_strongest_edges():
    weight = random_weights()
    graph = sparse_adjacency(weight, top_k=3, threshold=1e-4)
    assert torch.equal(graph, graph.mT)
    strongest = weight.topk(3, dim=-1)
    kept = graph.gather(-1, strongest.indices)
    connected = strongest.values > 1e-4
    assert torch.equal(kept[connected], strongest.values[connected])
    # Every edge is among the strongest of one of its ends.
    is_strong = weight >= strongest.values[..., -1:]
    assert not ((graph * (1 - torch.eye(19)) > 0) & ~is_strong & ~is_strong.mT).any()


def test_isolated_electrode_gets_a_self_loop_and_no_other_does():
    graph = sparse_adjacency(random_weights(), top_k=3, threshold=1e-4)
    loops = torch.zeros(19)
    loops[5] = 1
    assert torch.equal(graph.diagonal(dim1=-2, dim2=-1), loops.expand(3, 4, 19))


def test_edges_at_the_threshold_are_dropped():
    graph = sparse_adjacency(torch.full((4, 4), 0.5), top_k=2, threshold=0.5)
    assert torch.equal(graph, torch.eye(4))


@pytest.mark.parametrize("static_shape", [(19, 0), (19, 3), (3, 4, 19, 3)])
@pytest.mark.parametrize("n_hops", [1, 2, 3])
def test_dense_products_equal_pyg_on_the_disjoint_batch(n_hops, static_shape):
    torch.manual_seed(0)
    n_static = static_shape[-1]
    dense = SSGConv(8 + n_static, 6, alpha=0.05, n_hops=n_hops)
    pyg = PygSSGConv(8 + n_static, 6, alpha=0.05, n_hops=n_hops)
    pyg.load_state_dict(dense.state_dict())
    x, static, weight = torch.randn(3, 4, 19, 2, 8), torch.randn(static_shape), random_weights()
    results = []
    for conv in (dense, pyg):
        leaves = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
        graph = sparse_adjacency(leaves[1], top_k=3, threshold=1e-4)
        y = conv(leaves[0], conv.prepare(graph), static)
        dx, dweight, *rest = torch.autograd.grad(y.sin().sum(), [*leaves, *conv.parameters()])
        # The two count an undirected edge's gradient at different ends.
        results.append((y, dx, dweight + dweight.mT, *rest))
    for found, expected in zip(*results, strict=True):
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_one_graph_does_not_see_another():
    torch.manual_seed(0)
    conv, x, weight = SSGConv(8, 6, 0.05, 2), torch.randn(3, 4, 19, 2, 8), random_weights()
    static = torch.zeros(19, 0)
    whole = conv(x, conv.prepare(weight), static)[1, 2]
    torch.testing.assert_close(conv(x[1, 2], conv.prepare(weight[1, 2]), static), whole)


def test_a_kept_edge_passes_its_gradient_on_and_a_dropped_one_none():
    weight = random_weights().requires_grad_()
    graph = sparse_adjacency(weight, top_k=3, threshold=1e-4)
    slopes = torch.randn(graph.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((graph * slopes).sum(), weight)
    kept = (graph > 0) & ~torch.eye(19, dtype=torch.bool)
    assert torch.equal(gradient, slopes * kept)


def test_statistics_count_what_networkx_counts():
    networkx = pytest.importorskip("networkx")
    graphs = sparse_adjacency(random_weights(), top_k=3, threshold=1e-4)
    found = graph_statistics(graphs)
    itself = torch.eye(19, dtype=torch.bool)
    for place in [(0, 0), (2, 3)]:
        expected = networkx.from_numpy_array(graphs[place].masked_fill(itself, 0).numpy())
        assert found.degree[place].tolist() == [n for _, n in expected.degree()]
        assert float(found.density[place]) == pytest.approx(networkx.density(expected))
        weights = [edge["weight"] for *_, edge in expected.edges(data=True)]
        assert float(found.mean_weight[place]) == pytest.approx(sum(weights) / len(weights))
        assert found.n_isolated[place] == networkx.number_of_isolates(expected) == 1


def test_statistics_of_a_graph_without_edges_are_zero():
    found = graph_statistics(torch.eye(4).unsqueeze(0))
    assert [float(value.sum()) for value in found] == [0, 0, 0, 4]
