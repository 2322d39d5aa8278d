"""Matrix products of weights with long runs of steps, by the fastest library PyTorch brings."""

import torch
from torch import Tensor

# oneDNN uses a processor's widest instructions on any make, where MKL keeps to Intel's: 2.2 times
# as fast on an AMD with AVX-512. PyTorch has it under this name only, made for its compiler, and
# not in every build.
_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
# Below this many multiplications oneDNN's longer call takes more time than it saves.
_WORTH_A_CALL = 2**20


def product(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b` of two matrices, outside autograd.

    >>> product(torch.ones(2, 3), torch.ones(3, 4))[0]
    tensor([3., 3., 3., 3.])
    """
    is_wide = a.shape[0] * a.shape[1] * b.shape[1] >= _WORTH_A_CALL
    if _ONEDNN is None or not is_wide or a.dtype != torch.float32 or a.device.type != "cpu":
        return a @ b
    # A matrix that is neither contiguous nor the transpose of one takes its slowest path.
    a, b = (m if m.is_contiguous() or m.t().is_contiguous() else m.contiguous() for m in (a, b))
    return _ONEDNN(a, b.t(), None, "none", [], "")
