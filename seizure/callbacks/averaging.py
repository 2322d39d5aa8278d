"""An exponential moving average of the weights: what is validated, kept as best and exported."""

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class AveragedWeights(WeightAveraging):
    """Lightning's weight averaging with a decay a step; begins with the weights of the first step.

    Validation runs with the average. A checkpoint's `state_dict` is the average too, so that what
    is scored and exported is what was validated; what learning goes on from lies beside it as
    `current_model_state`. Statistics of norms are averaged like weights; Lightning's
    `EMAWeightAveraging` would also average indices, and round them to their neighbours.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, n_averaged: Tensor | int) -> Tensor:
            if not torch.is_floating_point(current):
                return current
            return torch.lerp(averaged, current, 1 - decay)

        super().__init__(use_buffers=True, avg_fn=average)
