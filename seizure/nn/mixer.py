"""All of Mamba-2's mixer as one step of autograd, a few sequences at a time.

Between the two projections a dozen passes go over the features. A few sequences at a time, they
stay in the processor's cache; and what is cheap is computed again rather than kept for the
backward pass, since writing to fresh memory costs more.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from seizure.nn.chunks import Chunks
from seizure.nn.conv import causal_conv, causal_conv_backward
from seizure.nn.product import product
from seizure.nn.scan import Carried, Inputs, outputs, scan, scan_backward, sequences_at_once
from seizure.nn.ssd import refuse_double_backward


class Weights(NamedTuple):
    """The mixer's parameters, as `Mamba2` names them."""

    in_proj: Tensor  # (z, x, B, C and dt; d_model)
    conv: Tensor  # (channel, tap)
    conv_bias: Tensor
    dt_bias: Tensor
    A_log: Tensor
    D: Tensor
    norm: Tensor
    out_proj: Tensor  # (d_model, head·headdim)


# A compiler has nothing to add to it, and does not take views to write into.
@torch.compiler.disable()
def mix(u: Tensor, weights: Weights, eps: float, is_reversed: bool = False) -> Tensor:
    """Mamba-2 of u (feature, batch, time), backwards in time if reversed; same shape out.

    In float32, also under autocast, or in float64; differentiable once.
    """
    dtype = torch.promote_types(u.dtype, torch.float32)
    n = sequences_at_once(len(weights.norm), u)
    precise = [weight.to(dtype) for weight in weights]
    with torch.autocast(u.device.type, enabled=False):
        parts = [_Mix.apply(part, eps, is_reversed, *precise) for part in u.to(dtype).split(n, 1)]
    return torch.cat(parts, 1) if len(parts) > 1 else parts[0]  # type: ignore[return-value]


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, eps: float, is_reversed: bool, *tensors: Tensor) -> Tensor:
        weights = Weights(*tensors)
        u = u.flip(-1) if is_reversed else u.contiguous()
        projected = product(weights.in_proj, u.flatten(1)).view(-1, *u.shape[1:])
        raw_dt = projected[len(projected) - len(weights.D) :]
        dt = F.softplus(raw_dt + weights.dt_bias[:, None, None])
        at = _Activated.of(projected, dt, weights)
        y, _, carried, ctx.chunks = scan(at.inputs, None)
        gated = F.silu(at.z).mul_(y)
        out = product(weights.out_proj * weights.norm, gated.flatten(1)).view(u.shape)
        inverse = gated.square_().mean(0).add_(eps).rsqrt_()
        out *= inverse
        ctx.save_for_backward(u, projected, dt, inverse, *weights, *carried)
        ctx.is_reversed = is_reversed
        return out.flip(-1) if is_reversed else out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        refuse_double_backward("Mamba2")
        u, projected, dt, inverse, *tensors = ctx.saved_tensors
        n = len(Weights._fields)
        weights, carried = Weights(*tensors[:n]), Carried(*tensors[n:])
        with torch.autocast(u.device.type, enabled=False):
            at = _Activated.of(projected, dt, weights)
            dout = gradients[0].flip(-1) if ctx.is_reversed else gradients[0]
            du, given = _backward(u, at, inverse, weights, carried, ctx.chunks, dout)
        return du.flip(-1) if ctx.is_reversed else du, None, None, *given


class _Activated(NamedTuple):
    z: Tensor
    raw: Tensor  # before the convolution
    convolved: Tensor  # before its activation
    inputs: Inputs

    @classmethod
    def of(cls, projected: Tensor, dt: Tensor, weights: Weights) -> "_Activated":
        d_inner = len(weights.norm)
        d_state = (len(weights.conv) - d_inner) // 2
        z, raw, _ = projected.split([d_inner, len(weights.conv), len(dt)])
        convolved = causal_conv(raw, weights.conv, weights.conv_bias)
        x, B, C = F.silu(convolved).split([d_inner, d_state, d_state])
        return cls(z, raw, convolved, Inputs(x, dt, -weights.A_log.exp(), B, C, weights.D))


def _backward(
    u: Tensor,
    at: _Activated,
    inverse: Tensor,
    weights: Weights,
    carried: Carried,
    chunks: Chunks,
    dout: Tensor,
) -> tuple[Tensor, Weights]:
    gate, y = F.silu(at.z), outputs(at.inputs, carried.earlier)
    gated = gate * y
    out_proj = weights.out_proj * weights.norm
    dout = (dout * inverse).flatten(1)
    dproduct = product(dout, gated.flatten(1).t())
    dgated = product(out_proj.t(), dout).view(gated.shape)
    share = (dgated * gated).mean(0).mul_(inverse.square())
    dgated.addcmul_(gated, share, value=-1)

    dprojected = dout.new_empty(len(weights.in_proj), *at.z.shape[1:])
    dz, draw, ddt = dprojected.split([len(gated), len(at.raw), len(weights.D)])
    _silu_backward(y.mul_(dgated), at.z, dz)
    dinputs, _ = scan_backward(at.inputs, carried, chunks, gate.mul_(dgated))
    # The slope of softplus, from its value.
    torch.mul(dinputs.dt, torch.expm1(-at.inputs.dt).neg_(), out=ddt)
    # Each gradient takes the place of what it is the gradient of.
    dconvolved = at.convolved
    start = 0
    for gradient in (dinputs.x, dinputs.B, dinputs.C):
        rows = dconvolved[start : (start := start + len(gradient))]
        _silu_backward(gradient, rows, rows)
    dconv, dconv_bias = causal_conv_backward(dconvolved, at.raw, weights.conv, out=draw)
    dprojected = dprojected.flatten(1)
    du = product(weights.in_proj.t(), dprojected).view(u.shape)
    return du, Weights(
        in_proj=product(dprojected, u.flatten(1).t()),
        conv=dconv,
        conv_bias=dconv_bias,
        dt_bias=ddt.sum((1, 2)),
        A_log=dinputs.A * at.inputs.A,
        D=dinputs.D,
        norm=(dproduct * weights.out_proj).sum(0),
        out_proj=dproduct * weights.norm,
    )


def _silu_backward(gradient: Tensor, before: Tensor, into: Tensor) -> None:
    torch.ops.aten.silu_backward.grad_input(gradient, before, grad_input=into)
