"""Mamba-2 with the parameters of `mamba_ssm.Mamba2`, on its CUDA kernels or in plain PyTorch."""

import importlib
import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.nn.decay import no_decay, no_decay_on_bias
from seizure.nn.mixer import Weights, mix
from seizure.nn.norm import RMSNorm
from seizure.nn.ssd import ssd_step

Backend = Literal["torch", "mamba_ssm"]

# The reference initialisation. Source: Gu and Dao 2023, "Mamba", section 3.6; Dao and Gu 2024.
DT_RANGE_STEPS = (1e-3, 1e-1)
DECAY_RATE_RANGE = (1.0, 16.0)
KERNEL_CHUNK = 256


class MixerState(NamedTuple):
    """What streaming carries from one step to the next."""

    conv: Tensor  # the last d_conv - 1 inputs of the convolution (batch, step, channel)
    scan: Tensor  # (batch, head, headdim, state)


class Mamba2(nn.Module):
    """A causal sequence mixer, (batch, time, feature) to the same shape.

    `backend` is chosen once: None takes the CUDA kernels of mamba-ssm where they can be imported.
    With the kernels chosen, tensors on the CPU still run through the equal PyTorch scan.

    Source: Dao and Gu 2024, "Transformers are SSMs", section 7; one group, gated RMS norm.

    >>> mamba = Mamba2(16, d_state=8, d_conv=4, expand=2, headdim=4, backend="torch")
    >>> mamba(torch.ones(1, 9, 16)).shape
    torch.Size([1, 9, 16])
    """

    def __init__(
        self,
        d_model: int,
        d_state: int,
        d_conv: int,
        expand: int,
        headdim: int,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.d_inner, self.d_state, self.headdim = d_model * expand, d_state, headdim
        self.n_heads = self.d_inner // headdim
        self.kernels = load_kernels(backend)
        self.backend: Backend = "mamba_ssm" if self.kernels else "torch"

        d_conv_features = self.d_inner + 2 * d_state
        self.in_proj = nn.Linear(d_model, self.d_inner + d_conv_features + self.n_heads, bias=False)
        self.conv1d = nn.Conv1d(
            d_conv_features, d_conv_features, d_conv, groups=d_conv_features, padding=d_conv - 1
        )
        no_decay_on_bias(self.conv1d)
        self.dt_bias = no_decay(nn.Parameter(torch.empty(self.n_heads)))
        self.A_log = no_decay(nn.Parameter(torch.empty(self.n_heads)))
        self.D = no_decay(nn.Parameter(torch.empty(self.n_heads)))
        self.norm = RMSNorm(self.d_inner)
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)
        self.reset_parameters()

    def reset_parameters(self, n_branches: int = 1) -> None:
        """Start with step sizes over two decades, and the output small where branches add up."""
        self.in_proj.reset_parameters()
        self.conv1d.reset_parameters()
        self.norm.reset_parameters()
        self.out_proj.reset_parameters()
        with torch.no_grad():
            low, high = map(math.log, DT_RANGE_STEPS)
            dt = torch.empty(self.n_heads).uniform_(low, high).exp()
            self.dt_bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # softplus turns it into dt again
            self.A_log.uniform_(*DECAY_RATE_RANGE).log_()
            self.D.fill_(1.0)
            self.out_proj.weight.mul_(n_branches**-0.5)

    def forward(self, u: Tensor) -> Tensor:
        if self.kernels is not None and u.is_cuda:
            return self._with_kernels(u)
        return self.features_first(u.permute(2, 0, 1)).permute(1, 2, 0)

    def features_first(self, u: Tensor, is_reversed: bool = False) -> Tensor:
        """The same in the layout the PyTorch scan is fast in, (feature, batch, time).

        Reversed, it reads from the last step to the first.
        """
        if self.kernels is not None and u.is_cuda:
            u = u.flip(-1) if is_reversed else u
            y = self._with_kernels(u.permute(1, 2, 0)).permute(2, 0, 1)
            return y.flip(-1) if is_reversed else y
        weights = Weights(
            in_proj=self.in_proj.weight,
            conv=self.conv1d.weight.squeeze(1),
            conv_bias=self.conv_bias,
            dt_bias=self.dt_bias,
            A_log=self.A_log,
            D=self.D,
            norm=self.norm.weight,
            out_proj=self.out_proj.weight,
        )
        return mix(u, weights, self.norm.eps, is_reversed)

    @property
    def conv_bias(self) -> Tensor:
        """The convolution's bias, which this layer always has."""
        assert self.conv1d.bias is not None
        return self.conv1d.bias

    def initial_state(self, batch: int) -> MixerState:
        """The state before the first step of a stream."""
        weight = self.conv1d.weight
        return MixerState(
            weight.new_zeros(batch, weight.shape[-1] - 1, weight.shape[0]),
            weight.new_zeros(batch, self.n_heads, self.headdim, self.d_state),
        )

    def step(self, u: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """One step of a stream, (batch, feature), and the state it leaves; equal to `forward`."""
        z, xBC, dt = self.in_proj(u).split(
            [self.d_inner, len(self.conv1d.weight), self.n_heads], -1
        )
        recent = torch.cat([state.conv, xBC.unsqueeze(1)], dim=1)
        xBC = F.silu((recent * self.conv1d.weight.squeeze(1).t()).sum(1) + self.conv_bias)
        x, B, C = xBC.split([self.d_inner, self.d_state, self.d_state], -1)
        x = x.view(len(u), self.n_heads, self.headdim)
        dt = F.softplus(dt + self.dt_bias)
        y, scan = ssd_step(x, dt, -self.A_log.exp(), B, C, state.scan)
        y = (y + self.D.unsqueeze(-1) * x).flatten(1)
        y = self.norm(y * F.silu(z))
        return self.out_proj(y), MixerState(recent[:, 1:], scan)

    def _with_kernels(self, u: Tensor) -> Tensor:
        return self.kernels(
            self.in_proj(u),
            self.conv1d.weight.squeeze(1),
            self.conv1d.bias,
            self.dt_bias,
            -_precise(self.A_log).exp(),
            D=self.D,
            chunk_size=KERNEL_CHUNK,
            activation="silu",
            rmsnorm_weight=self.norm.weight,
            rmsnorm_eps=self.norm.eps,
            outproj_weight=self.out_proj.weight,
            headdim=self.headdim,
            ngroups=1,
            norm_before_gate=False,
        )


def _precise(t: Tensor) -> Tensor:
    return t.to(torch.promote_types(t.dtype, torch.float32))


class ScanBackend(NamedTuple):
    """What computes Mamba-2, and why that."""

    name: Backend
    reason: str


def scan_backend(device: str, asked: Backend | None = None) -> ScanBackend:
    """What computes Mamba-2 on a kind of device, as models choose it; for logs and diagnosis.

    Raises `ImportError` if the kernels are asked for where they do not import.

    >>> scan_backend("cpu")
    ScanBackend(name='torch', reason='the CUDA kernels do not run on cpu')
    """
    if asked == "torch":
        return ScanBackend("torch", "asked for")
    if asked is None and not device.startswith("cuda"):
        return ScanBackend("torch", f"the CUDA kernels do not run on {device}")
    if asked is None and not torch.cuda.is_available():
        return ScanBackend("torch", "PyTorch finds no CUDA device")
    try:
        load_kernels("mamba_ssm")
    except ImportError as error:
        if asked is not None:
            raise
        return ScanBackend("torch", str(error.__cause__))
    return ScanBackend("mamba_ssm", "its CUDA kernels import")


def load_kernels(backend: Backend | None) -> Any:
    """The fused function of mamba-ssm, or None for plain PyTorch; raises if asked for in vain."""
    if backend == "torch" or (backend is None and not torch.cuda.is_available()):
        return None
    if backend not in (None, "mamba_ssm"):
        raise ValueError(f"backend={backend!r} is unknown; expected 'torch', 'mamba_ssm' or None")
    try:
        importlib.import_module("causal_conv1d")
        module = importlib.import_module("mamba_ssm.ops.triton.ssd_combined")
    except (ImportError, OSError) as error:  # a wheel built for another torch fails with OSError
        if backend is None:
            return None
        raise ImportError(
            f"backend='mamba_ssm' needs mamba-ssm and causal-conv1d, which do not import here "
            f"({error}); install them with `pip install 'seizure[cuda]'` or choose backend='torch'"
        ) from error
    return module.mamba_split_conv1d_scan_combined
