"""Claim: our Mamba-2 is several times faster than its textbook form, forward and backward.

    python benchmarks/mamba_speed.py

Both hold the same weights and run in turn, at the shapes of `base`.
"""

import argparse

import torch
from ssd_speed import interleaved, textbook_ssd
from torch import Tensor
from torch.nn import functional as F

from seizure.nn.mamba import Mamba2

# name: sequences, steps, d_model, d_state, headdim
SHAPES = {
    "node stream, 38 x 960": (38, 960, 64, 16, 8),
    "edge stream, 342 x 960": (342, 960, 16, 8, 4),
}
TEXTBOOK_CHUNKS = (64, 16)


class TextbookMamba2(Mamba2):
    """The same module composed of PyTorch's layers and the textbook scan."""

    chunk = TEXTBOOK_CHUNKS[0]

    def forward(self, u: Tensor) -> Tensor:
        z, xBC, dt = self.in_proj(u).split(
            [self.d_inner, self.d_inner + 2 * self.d_state, self.n_heads], -1
        )
        xBC = F.silu(self.conv1d(xBC.transpose(1, 2))[..., : u.shape[1]].transpose(1, 2))
        x, B, C = xBC.split([self.d_inner, self.d_state, self.d_state], -1)
        x = x.unflatten(-1, (self.n_heads, self.headdim))
        dt = F.softplus(dt + self.dt_bias)
        y = textbook_ssd(x, dt, -self.A_log.exp(), B, C, self.chunk)
        y = (y + self.D.unsqueeze(-1) * x).flatten(2)
        return self.out_proj(self.norm(y * F.silu(z)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for shape_name, (n_sequences, n_steps, d_model, d_state, headdim) in SHAPES.items():
        torch.manual_seed(0)
        ours = Mamba2(d_model, d_state, 4, 2, headdim, backend="torch")
        textbooks = {}
        for chunk in TEXTBOOK_CHUNKS:
            textbook = TextbookMamba2(d_model, d_state, 4, 2, headdim, backend="torch")
            textbook.load_state_dict(ours.state_dict())
            textbook.chunk = chunk
            textbooks[f"textbook, chunk {chunk}"] = textbook
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
            print(f"  {name:20s} {ms:8.1f} ms   {ms / milliseconds['ours']:5.1f} x ours")


if __name__ == "__main__":
    main()
