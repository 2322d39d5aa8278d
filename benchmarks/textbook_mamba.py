"""What Mamba-2 costs as published, for comparison: a module, no benchmark of its own."""

from ssd_speed import textbook_ssd
from torch import Tensor
from torch.nn import functional as F

from seizure.nn.mamba import Mamba2


class TextbookMamba2(Mamba2):
    """The same module composed of PyTorch's layers and the textbook scan."""

    chunk = 64

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

    def features_first(self, u: Tensor, is_reversed: bool = False) -> Tensor:
        u = u.flip(-1) if is_reversed else u
        y = self.forward(u.permute(1, 2, 0)).permute(2, 0, 1)
        return y.flip(-1) if is_reversed else y
