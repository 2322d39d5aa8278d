"""What stacks of Mamba-2 have in common, whichever directions of time their layers read."""

from typing import ClassVar

from torch import Tensor, nn

from seizure.nn.dropout import FeatureDropout
from seizure.nn.mamba import Backend, Mamba2
from seizure.nn.norm import RMSNorm


class MambaLayer(nn.Module):
    """A norm, a scan forwards in time and a dropout, (feature, batch, time) to the same shape."""

    def __init__(
        self,
        d_model: int,
        d_state: int,
        d_conv: int,
        expand: int,
        headdim: int,
        dropout: float = 0.0,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.norm = RMSNorm(d_model, dim=0)
        self.forwards = Mamba2(d_model, d_state, d_conv, expand, headdim, backend)
        self.dropout = FeatureDropout(dropout, dim=-1)


class MambaStack(nn.Module):
    """Residual layers of one kind and a last norm, (feature, batch, time) to the same shape."""

    kind: ClassVar[type[MambaLayer]]

    def __init__(
        self,
        d_model: int,
        n_layers: int,
        d_state: int,
        d_conv: int,
        expand: int,
        headdim: int,
        dropout: float = 0.0,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                self.kind(d_model, d_state, d_conv, expand, headdim, dropout, backend)
                for _ in range(n_layers)
            )
        )
        # Every scan is a branch that adds to the same residual stream.
        scans = [module for module in self.layers.modules() if isinstance(module, Mamba2)]
        for scan in scans:
            scan.reset_parameters(n_branches=len(scans))
        self.norm = RMSNorm(d_model, dim=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layers(x))
