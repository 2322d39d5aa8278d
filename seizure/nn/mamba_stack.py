"""What stacks of Mamba-2 have in common, whichever directions of time their layers read."""

from typing import ClassVar, cast

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

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
    """Residual layers of one kind and a last norm, (feature, batch, time) to the same shape.

    With `recomputes` training keeps each layer's input alone and runs the layer again for its
    gradient: less memory, more time, the same numbers.
    """

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
        self.recomputes = False

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self._recomputed(layer, x) if self.recomputes and self.training else layer(x)
        return self.norm(x)

    def _recomputed(self, layer: nn.Module, x: Tensor) -> Tensor:
        # Draws dropout's mask again as it was.
        return cast(Tensor, checkpoint(layer, x, use_reentrant=False))


def recompute_streams(network: nn.Module) -> None:
    """Let every stack of Mamba-2 in a network trade time for memory in training.

    Raises `ValueError` where there is none.
    """
    stacks = [module for module in network.modules() if isinstance(module, MambaStack)]
    if not stacks:
        raise ValueError(f"{type(network).__name__} has no stack of Mamba-2 to recompute")
    for stack in stacks:
        stack.recomputes = True
