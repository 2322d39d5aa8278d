"""Claim: dense products beat PyTorch Geometric's graph convolution on many small graphs.

    python benchmarks/graph_speed.py

Three equal convolutions run in turn, forward and backward, on the graphs of two `base` windows.
"""

import argparse

import torch
from ssd_speed import interleaved
from torch import Tensor

from seizure.nn.graph import SSGConv, sparse_adjacency
from seizure.nn.graph_pyg import PygSSGConv

N_GRAPHS, N_NODES, D_MODEL, N_STATIC = 1920, 19, 64, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dense = SSGConv(D_MODEL + N_STATIC, D_MODEL, alpha=0.05, n_hops=2)
    pyg = PygSSGConv(D_MODEL + N_STATIC, D_MODEL, alpha=0.05, n_hops=2)
    pyg.load_state_dict(dense.state_dict())
    x = torch.randn(N_GRAPHS, N_NODES, 1, D_MODEL, requires_grad=True)
    weight = torch.rand(N_GRAPHS, N_NODES, N_NODES)
    weight = sparse_adjacency((weight + weight.mT) * (1 - torch.eye(N_NODES)), 3, 1e-4)
    weight.requires_grad_()
    static = torch.randn(N_NODES, N_STATIC)

    def whole(conv: SSGConv | PygSSGConv) -> Tensor:
        return conv(x, conv.prepare(weight), static)

    def one_by_one() -> Tensor:
        graphs = zip(x, weight, strict=True)
        return torch.stack([pyg(n[None], pyg.prepare(w[None]), static)[0] for n, w in graphs])

    with torch.no_grad():
        error = (whole(dense) - whole(pyg)).abs().max().item()
    milliseconds = interleaved(
        {
            "dense products": lambda: whole(dense).sum().backward(),
            "PyG, disjoint batch": lambda: whole(pyg).sum().backward(),
            "PyG, one by one": lambda: one_by_one().sum().backward(),
        },
        options.rounds,
    )
    print(f"{N_GRAPHS} graphs of {N_NODES} nodes: outputs differ by {error:.1e}")
    for name, ms in milliseconds.items():
        print(f"  {name:20s} {ms:8.1f} ms   {ms / milliseconds['dense products']:5.1f} x dense")


if __name__ == "__main__":
    main()
