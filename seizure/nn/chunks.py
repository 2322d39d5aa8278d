"""Pieces of the time axis within which a product of decays neither overflows nor vanishes."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Lengths a chunk may have, longest first; the last one fits any decay (see `Range`).
CHUNK_LENGTHS = (32, 16, 8, 4)


class Range(NamedTuple):
    """How much log-decay a floating point type carries through one chunk.

    `chunk` bounds a whole chunk's: exp(chunk / 2) must leave room for the inputs, here 21 decades
    of float32's 38. `step` bounds a single step's: a state decayed by exp(-step) is gone.
    """

    chunk: float
    step: float


RANGES = {torch.float32: Range(80.0, 20.0), torch.float64: Range(600.0, 40.0)}


@dataclass(frozen=True)
class Chunks:
    """Equal pieces of the time axis, padded with steps that change nothing.

    >>> Chunks.fitting(torch.full((8, 1, 240), -1.0), RANGES[torch.float32])
    Chunks(length=30, count=8)
    """

    length: int
    count: int

    @classmethod
    def fitting(cls, log_decay: Tensor, limits: Range) -> "Chunks":
        """The longest pieces within which no head decays out of range."""
        time = log_decay.shape[-1]
        for longest in CHUNK_LENGTHS[:-1]:
            count = -(-time // longest)
            chunks = cls(-(-time // count), count)
            deepest = chunks.steps(chunks.pad(log_decay)).sum(-1).amin()
            # A decay that is not a number must pass here and fail where losses are checked.
            if not bool(deepest < -limits.chunk):
                return chunks
        count = -(-time // CHUNK_LENGTHS[-1])
        return cls(-(-time // count), count)

    def pad(self, t: Tensor) -> Tensor:
        """(feature, batch, time) with whole chunks of time, contiguous in time and batch."""
        missing = self.length * self.count - t.shape[-1]
        if missing:
            return F.pad(t, (0, missing))
        return t if t.stride(-1) == 1 and t.stride(-2) == t.shape[-1] else t.contiguous()

    def steps(self, t: Tensor) -> Tensor:
        """(feature, batch, time) to (feature, batch·chunk, step)."""
        return t.view(len(t), -1, self.length)

    def cut(self, t: Tensor) -> Tensor:
        """(feature, batch, time) to a view (batch·chunk, feature, step)."""
        return self.steps(t).transpose(0, 1)

    def join(self, t: Tensor, factor: Tensor | None = None) -> Tensor:
        """(batch·chunk, feature, step) to (feature, batch, time), times (head, batch, time)."""
        joined = t.new_empty(t.shape[1], len(t) // self.count, self.count * self.length)
        if factor is None:
            self.cut(joined).copy_(t)
            return joined
        by_head = self.steps(joined).unflatten(0, (len(factor), -1))
        parts = t.transpose(0, 1).unflatten(0, (len(factor), -1))
        torch.mul(parts, self.steps(factor).unsqueeze(1), out=by_head)
        return joined
