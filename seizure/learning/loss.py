"""What training minimises: a loss per sample, averaged over the samples that count."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """Mean focal loss over valid samples: `α_t · (1 − p_t)^γ · −log p_t`, in float32.

    Source: Lin et al. 2017, Focal Loss for Dense Object Detection, equation 5. With γ = 0 it is the
    cross entropy weighted by α for seizure and 1 − α for background.

    >>> loss = FocalLoss(alpha=0.5, gamma=0.0)
    >>> logits, target = torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]])
    >>> round(float(loss(logits, target, torch.ones(1, 4, dtype=torch.bool))), 4)
    0.3466
    """

    def __init__(self, alpha: float = 0.5, gamma: float = 2.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.gamma = gamma

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`logits`, `target` (0 or 1), `valid`, all (batch, time), to one number."""
        logits = logits.float()
        is_seizure = target.to(logits.dtype)
        # p_t is the probability given to what is there; its logit is the logit with the right sign.
        log_p = F.logsigmoid(logits * (2 * is_seizure - 1))
        weight = is_seizure * self.alpha + (1 - is_seizure) * (1 - self.alpha)
        per_sample = -weight * (1 - log_p.exp()) ** self.gamma * log_p
        return _mean_over(per_sample, valid)


class WeightedCrossEntropy(nn.Module):
    """Mean binary cross entropy over valid samples, seizures weighted by `pos_weight`."""

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        self.pos_weight = pos_weight

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`logits`, `target` (0 or 1), `valid`, all (batch, time), to one number."""
        logits = logits.float()
        weight = torch.tensor(self.pos_weight, device=logits.device)
        per_sample = F.binary_cross_entropy_with_logits(
            logits, target.to(logits.dtype), pos_weight=weight, reduction="none"
        )
        return _mean_over(per_sample, valid)


class CoarserTargets(nn.Module):
    """A loss at a lower rate: one target for each `n_samples`, to which the mean logit is compared.

    A target is a seizure where at least half of the samples that count are; it counts if any does.

    >>> loss = CoarserTargets(WeightedCrossEntropy(), n_samples=2)
    >>> target, counts = torch.tensor([[0, 0, 0, 1]]), torch.ones(1, 4, dtype=torch.bool)
    >>> round(float(loss(torch.tensor([[-9.0, -9.0, 8.0, 10.0]]), target, counts)), 4)
    0.0001
    """

    def __init__(self, loss: nn.Module, n_samples: int) -> None:
        super().__init__()
        self.loss = loss
        self.n_samples = n_samples

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`logits`, `target` (0 or 1), `valid`, all (batch, time), to one number."""
        per_target = (-1, self.n_samples)
        counts = valid.unflatten(1, per_target)
        n_counting = counts.sum(2)
        n_seizure = (target.unflatten(1, per_target).bool() & counts).sum(2)
        is_seizure = (2 * n_seizure >= n_counting) & (n_seizure > 0)
        mean_logits = logits.float().unflatten(1, per_target).mean(2)
        return self.loss(mean_logits, is_seizure, n_counting > 0)


def _mean_over(per_sample: Tensor, valid: Tensor) -> Tensor:
    weight = valid.to(per_sample.dtype)
    # Of a batch that holds padding alone there is nothing to learn: 0, not NaN.
    return (per_sample * weight).sum() / weight.sum().clamp(min=1)


def balanced_pos_weight(seizure_share: float) -> float:
    """√((1 − r)/r) for a share r of seizure samples: half-way (in the logarithm) to full balance.

    >>> balanced_pos_weight(0.2)
    2.0
    """
    if not 0 < seizure_share < 1:
        raise ValueError(f"the share of seizure must be in (0, 1), found {seizure_share}")
    return math.sqrt((1 - seizure_share) / seizure_share)
