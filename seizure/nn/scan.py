"""Mamba-2's linear recurrence as matrix products of chunks, and its gradients by hand.

The recurrence, per head with decay rate `A < 0` and step size `dt > 0`, is

    S[t] = exp(dt[t] A) S[t-1] + dt[t] x[t] B[t]^T        y[t] = S[t] C[t] + D x[t]

Source: Dao and Gu 2024, "Transformers are SSMs", section 6 (block decomposition), one group. We
differ in how a chunk is computed: the decay between two steps, `exp(cs[i] - cs[j])`, is split as
`exp(cs[i] - r) exp(r - cs[j])` around the chunk's middle `r`, so all heads share one matrix of
`C B^T` and no tensor of (step, step, head) exists.

Features are the outermost axis and time the innermost: then every per-head factor is multiplied
along long contiguous runs, and a chunk is a strided matrix that needs no copy.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from seizure.nn.chunks import RANGES, Chunks

# Intermediate results of about 2 MB stay in a processor's cache, and their memory is used again.
BLOCK_ELEMENTS = 2**19


class Inputs(NamedTuple):
    """What the recurrence reads, or the gradients of that."""

    x: Tensor  # (head·headdim, batch, time)
    dt: Tensor  # (head, batch, time)
    A: Tensor  # (head,)
    B: Tensor  # (state, batch, time)
    C: Tensor  # (state, batch, time)
    D: Tensor  # (head,)


class Carried(NamedTuple):
    """What the backward pass keeps of the forward one."""

    earlier: Tensor  # what an output got from earlier steps, shaped like x
    placed: Tensor  # the state before a chunk, decayed to its middle (batch·chunk, feature, state)
    rise: Tensor  # decay from the middle of a chunk to a step (head, batch, time)
    fall: Tensor  # decay from a step to the middle of its chunk (head, batch, time)
    half: Tensor  # decay over half a chunk (batch, chunk, head, 1)


def sequences_at_once(n_features: int, like: Tensor) -> int:
    """How many of the sequences (..., batch, time) to compute together at so many features."""
    batch, time = like.shape[-2:]
    if like.device.type != "cpu":
        return batch
    n_blocks = -(-batch * n_features * time // BLOCK_ELEMENTS)
    return -(-batch // min(batch, n_blocks))


def scan(inputs: Inputs, first: Tensor | None) -> tuple[Tensor, Tensor, Carried, Chunks]:
    """The outputs and the state after the last step, (batch, feature, state), from the `first`.

    Where a step forgets all that float32 holds, the rest runs in float64: what decays gain from
    such a step is a small difference of large sums, which float32 knows to 1e-4 only.
    """
    dtype = inputs.x.dtype
    if float(_log_decay(inputs).amin()) < -RANGES[dtype].step:
        inputs = _as(inputs, _wide(inputs.x))
        first = None if first is None else first.to(inputs.x.dtype)
    y, last, carried, chunks = _scan(inputs, first)
    return y.to(dtype), last.to(dtype), carried, chunks


def scan_backward(
    inputs: Inputs,
    carried: Carried,
    chunks: Chunks,
    dy: Tensor,
    ending: tuple[Tensor, Tensor] | None = None,
) -> tuple[Inputs, Tensor]:
    """The gradients of the inputs and of the first state; `ending`: last state, its gradient."""
    dtype, wide = inputs.x.dtype, carried.earlier.dtype
    if ending is not None:
        ending = ending[0].to(wide), ending[1].to(wide)
    gradients, dfirst = _backward(_as(inputs, wide), carried, chunks, dy.to(wide), ending)
    return _as(gradients, dtype), dfirst.to(dtype)


def _scan(inputs: Inputs, first: Tensor | None) -> tuple[Tensor, Tensor, Carried, Chunks]:
    time = inputs.x.shape[-1]
    log_decay = _log_decay(inputs, bounded=True)
    chunks = Chunks.fitting(log_decay, RANGES[log_decay.dtype])
    rise, fall, half = _decays(log_decay, chunks)
    x, dt, B, C = (chunks.pad(t) for t in (inputs.x, inputs.dt, inputs.B, inputs.C))
    scaled, Bc, Cc = chunks.cut(per_head(x, fall * dt)), chunks.cut(B), chunks.cut(C)

    added = torch.bmm(scaled, Bc.mT)  # (batch·chunk, feature, state)
    placed = _carry(half, added, first)
    placed_last, added_last = (t.unflatten(0, half.shape[:2])[:, -1] for t in (placed, added))
    last = _of_heads(placed_last + added_last, half[:, -1])
    earlier = torch.bmm(scaled, torch.bmm(Bc.mT, Cc).triu_(1))
    earlier = chunks.join(earlier.baddbmm_(placed, Cc), rise)[..., :time]
    return outputs(inputs, earlier), last, Carried(earlier, placed, rise, fall, half), chunks


def outputs(inputs: Inputs, earlier: Tensor) -> Tensor:
    """The outputs, of what they got from earlier steps and from their own, which is undecayed."""
    own = _own(inputs)
    earlier = earlier.to(own.dtype)  # it may have been wider
    y = torch.addcmul(_blocks(earlier, own), _blocks(inputs.x, own), own.unsqueeze(1))
    return y.view(earlier.shape)


def _backward(
    inputs: Inputs,
    carried: Carried,
    chunks: Chunks,
    dy: Tensor,
    ending: tuple[Tensor, Tensor] | None,
) -> tuple[Inputs, Tensor]:
    A, time, n_heads = inputs.A, dy.shape[-1], len(inputs.dt)
    earlier, placed, rise, fall, half = carried
    x, dt, B, C = (chunks.pad(t) for t in (inputs.x, inputs.dt, inputs.B, inputs.C))
    dy, earlier = chunks.pad(dy), chunks.pad(earlier)
    scaled, Bc, Cc = chunks.cut(per_head(x, fall * dt)), chunks.cut(B), chunks.cut(C)

    dcs = over_head(dy * earlier, n_heads)
    # A step's own input reaches its output undecayed, which keeps it out of the decays' gradients.
    down = over_head(dy * x, n_heads)
    dx = per_head(dy, _own(Inputs(x, dt, A, B, C, inputs.D)))
    dy = chunks.cut(per_head(dy, rise))
    dplaced = torch.bmm(dy, Cc.mT)
    # The same over chunks, from the last to the first.
    dadded = _carry(half, dplaced, None if ending is None else ending[1], backwards=True)
    dplaced += dadded
    dfirst = _of_heads(dplaced.unflatten(0, half.shape[:2])[:, 0], half[:, 0])
    # The whole of a chunk's decay acts on the state that leaves it.
    dend = torch.zeros_like(half)
    passed = dplaced.mul_(placed).view(*half.shape[:3], -1).sum(-1, keepdim=True)
    dend[:, :-1] = passed[:, 1:]
    if ending is not None:
        product = ending[0] * ending[1]
        dend[:, -1] = product.view(len(product), n_heads, -1).sum(-1, keepdim=True)

    # Source and target steps of a chunk: [j, i] is what step j gives to step i > j.
    given = torch.bmm(Bc.mT, Cc).triu_(1)
    dgiven = torch.bmm(scaled.mT, dy).triu_(1)
    dC = chunks.join(torch.bmm(placed.mT, dy).baddbmm_(Bc, dgiven))
    dB = chunks.join(torch.bmm(dadded.mT, scaled).baddbmm_(Cc, dgiven.mT))
    # The gradient for dt * x.
    dscaled = chunks.join(torch.bmm(dy, given.mT).baddbmm_(dadded, Bc), fall)
    ddt = over_head(dscaled * x, n_heads)
    _blocks(dx, dt).addcmul_(_blocks(dscaled, dt), dt.unsqueeze(1))

    dcs = chunks.steps(dcs.addcmul_(dt, ddt, value=-1))
    dcs[..., -1] += dend.flatten(0, 1).squeeze(-1).t()
    # Reverse cumulative sum: a step's decay touches every later step of its chunk.
    dlog_decay = dcs.flip(-1).cumsum(-1, dtype=_wide(dt)).flip(-1).to(dt.dtype).view_as(dt)
    if dt.dtype == _wide(dt):
        # Where the decay was cut off nothing passes on, and the sum holds only rounding errors.
        dlog_decay *= dt * A[:, None, None] > -RANGES[dt.dtype].step
    ddt = ddt.addcmul_(dlog_decay, A[:, None, None]).addcmul_(down, (B * C).sum(0))
    dA = (dt * dlog_decay).sum((1, 2), dtype=_wide(dt)).to(dt.dtype)
    dD = down.sum((1, 2))
    down = (down * dt).sum(0)
    dB, dC = dB.addcmul_(down, C), dC.addcmul_(down, B)
    dx, ddt, dB, dC = (t[..., :time] for t in (dx, ddt, dB, dC))
    return Inputs(dx, ddt, dA, dB, dC, dD), dfirst


def _as(inputs: Inputs, dtype: torch.dtype) -> Inputs:
    return Inputs(*(t.to(dtype) for t in inputs))


def _log_decay(inputs: Inputs, bounded: bool = False) -> Tensor:
    log_decay = inputs.dt * inputs.A[:, None, None]
    if not bounded or log_decay.dtype != _wide(log_decay):
        return log_decay
    # No guard against lost numbers, which pass: what is left of a state after exp(-40) is far
    # below the rounding of anything added to it, and exp(+750) would not fit a float64.
    return log_decay.clamp_(min=-RANGES[log_decay.dtype].step)


def _decays(log_decay: Tensor, chunks: Chunks) -> tuple[Tensor, Tensor, Tensor]:
    # An exponent near 40 rounded to float32 is an error of 2e-6 in what it is the exponent of.
    n_heads, batch, dtype = *log_decay.shape[:2], log_decay.dtype
    log_decay = chunks.pad(log_decay)
    cs = chunks.steps(log_decay).cumsum(-1, dtype=_wide(log_decay))
    r = cs[..., -1:] / 2
    half = torch.exp(r).squeeze(-1).t().to(dtype).contiguous()
    rise = cs.sub_(r).exp_()
    fall = rise.reciprocal().to(dtype).view_as(log_decay)
    rise = rise.to(dtype).view_as(log_decay)
    return rise, fall, half.view(batch, chunks.count, n_heads, 1)


def _own(inputs: Inputs) -> Tensor:
    # What an output gets of its own step's input, (head, batch, time).
    return torch.addcmul(inputs.D[:, None, None], inputs.dt, (inputs.B * inputs.C).sum(0))


def _carry(half: Tensor, entering: Tensor, start: Tensor | None, backwards: bool = False) -> Tensor:
    # What comes into the middle of each chunk from all chunks before it, or after it if
    # backwards; `entering` is what each adds in its middle (batch·chunk, feature, state).
    added = entering.view(*half.shape[:3], -1)
    carried = torch.empty_like(added)
    edge = -1 if backwards else 0
    if start is None:
        carried[:, edge] = 0
    else:
        torch.mul(half[:, edge], start.reshape(carried[:, edge].shape), out=carried[:, edge])
    between = half[:, :-1] * half[:, 1:]
    near, far = (slice(1, None), slice(-1)) if backwards else (slice(-1), slice(1, None))
    torch.mul(between, added[:, near], out=carried[:, far])
    sources, decays, targets = (t.unbind(1) for t in (carried[:, near], between, carried[:, far]))
    order = range(len(decays))
    for i in reversed(order) if backwards else order:
        targets[i].addcmul_(decays[i], sources[i])
    return carried.view_as(entering)


def _of_heads(states: Tensor, factor: Tensor) -> Tensor:
    # (batch, head·headdim, state) times (batch, head, 1)
    return (states.unflatten(1, (factor.shape[1], -1)) * factor.unsqueeze(-1)).flatten(1, 2)


def _wide(t: Tensor) -> torch.dtype:
    # Apple's GPUs have no float64.
    return torch.float32 if t.device.type == "mps" else torch.float64


def _blocks(t: Tensor, factor: Tensor) -> Tensor:
    # (head·headdim, ...) to (head, headdim, ...)
    return t.view(len(factor), -1, *t.shape[1:])


def per_head(t: Tensor, factor: Tensor) -> Tensor:
    """(head·headdim, ...) times (head, ...)."""
    return (_blocks(t, factor) * factor.unsqueeze(1)).view(t.shape)


def over_head(t: Tensor, n_heads: int) -> Tensor:
    """(head·headdim, ...) summed to (head, ...)."""
    return t.view(n_heads, -1, *t.shape[1:]).sum(1)
