"""Claim: our Mamba-2 is several times faster than its textbook form, forward and backward.

    python benchmarks/mamba_speed.py

Beside the textbook form the PyTorch path of Hugging Face's transformers, of the extra `dev`. All
hold the same weights and run in turn, at the shapes of `base`. With the longer chunk transformers'
path would hold tensors of 5 GB each at the edge shape; a ninth of the sequences stands in for it.
"""

import argparse

import torch
from ssd_speed import interleaved
from textbook_mamba import TextbookMamba2
from torch import nn
from transformers.models.mamba2.configuration_mamba2 import Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

from seizure.nn.mamba import Mamba2

# name: sequences, steps, d_model, d_state, headdim
SHAPES = {
    "node stream, 38 x 960": (38, 960, 64, 16, 8),
    "edge stream, 342 x 960": (342, 960, 16, 8, 4),
    "edge stream, 38 x 960": (38, 960, 16, 8, 4),
}
TEXTBOOK_CHUNKS = (64, 16)
MOST_OF_TRANSFORMERS = 342 * 16  # sequences times chunk


def of_transformers(ours: Mamba2, chunk: int) -> nn.Module:
    """The mixer of transformers with our weights, where its CUDA kernels are absent."""
    config = Mamba2Config(
        hidden_size=ours.in_proj.in_features,
        state_size=ours.d_state,
        conv_kernel=ours.conv1d.kernel_size[0],
        expand=2,
        head_dim=ours.headdim,
        num_heads=ours.n_heads,
        n_groups=1,
        chunk_size=chunk,
        num_hidden_layers=1,
    )
    mixer = Mamba2Mixer(config, layer_idx=0)
    mixer.load_state_dict(ours.state_dict())
    return mixer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for shape_name in options.shapes:
        n_sequences, n_steps, d_model, d_state, headdim = SHAPES[shape_name]
        torch.manual_seed(0)
        ours = Mamba2(d_model, d_state, 4, 2, headdim, backend="torch")
        textbooks = {}
        for chunk in TEXTBOOK_CHUNKS:
            textbook = TextbookMamba2(d_model, d_state, 4, 2, headdim, backend="torch")
            textbook.load_state_dict(ours.state_dict())
            textbook.chunk = chunk
            textbooks[f"textbook, chunk {chunk}"] = textbook
            if n_sequences * chunk <= MOST_OF_TRANSFORMERS:
                textbooks[f"transformers, chunk {chunk}"] = of_transformers(ours, chunk)
        u = torch.randn(n_sequences, n_steps, d_model, requires_grad=True)
        features_first = u.detach().permute(2, 0, 1).contiguous().requires_grad_()

        milliseconds = interleaved(
            {
                "ours": lambda f=ours.features_first, v=features_first: f(v).sum().backward(),
                "ours, transposed": lambda f=ours, v=u: f(v).sum().backward(),
                **{n: lambda f=f, v=u: f(v).sum().backward() for n, f in textbooks.items()},
            },
            options.rounds,
        )
        with torch.no_grad():
            error = max((ours(u) - f(u)).abs().max().item() for f in textbooks.values())
        print(f"{shape_name}: outputs differ by {error:.1e}")
        for name, ms in milliseconds.items():
            print(f"  {name:24s} {ms:8.1f} ms   {ms / milliseconds['ours']:5.1f} x ours")


if __name__ == "__main__":
    main()
