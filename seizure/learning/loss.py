"""What training minimises: a loss over the targets that count, in float32, over all processes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seizure.nn.ranks import mean_over_ranks


class MeanLoss(nn.Module):
    """A loss of each target, averaged over those that count.

    In training the mean is over the targets of all processes: what a process has less of, for
    padding or margins, weighs less.
    """

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`logits`, `target` (from 0 to 1), `valid`, all (batch, time), to one number."""
        logits = logits.float()
        counts = valid.to(logits.dtype)
        total = (self.of_each(logits, target.to(logits.dtype)) * counts).sum()
        n_counting = counts.sum()
        if self.training:
            n_counting = mean_over_ranks(n_counting)
        # Of a batch that holds padding alone there is nothing to learn: 0, not NaN.
        return total / n_counting.clamp(min=1)

    def of_each(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of every target, (batch, time)."""
        raise NotImplementedError


class FocalLoss(MeanLoss):
    """Mean focal loss: `α_t · (1 − p_t)^γ · −log p_t`, for a target between as their mixture.

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

    def of_each(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of every target, (batch, time)."""
        log_p, log_q = F.logsigmoid(logits), F.logsigmoid(-logits)
        as_seizure = self.alpha * (self.gamma * log_q).exp() * log_p
        as_background = (1 - self.alpha) * (self.gamma * log_p).exp() * log_q
        return -(target * as_seizure + (1 - target) * as_background)


class WeightedCrossEntropy(MeanLoss):
    """Mean binary cross entropy, seizures weighted by `pos_weight`."""

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        self.pos_weight = pos_weight

    def of_each(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of every target, (batch, time)."""
        weight = torch.tensor(self.pos_weight, device=logits.device)
        return F.binary_cross_entropy_with_logits(
            logits, target, pos_weight=weight, reduction="none"
        )


class TverskyLoss(nn.Module):
    """One minus the Tversky index of a whole batch: overlap, with misses and false alarms weighed.

    `TP / (TP + fp_weight · FP + fn_weight · FN)`, the counts of the probabilities themselves; 1/2
    each gives the Dice loss. How rare seizures are has no part in it, so it takes no other weight.

    Source: Salehi et al. 2017, Tversky loss function for image segmentation using 3D fully
    convolutional deep networks, equation 3; there α weighs false alarms and β misses. One target is
    added above and below, which a batch without a seizure needs.

    >>> logits, target = torch.tensor([[9.0, 9.0, -9.0, -9.0]]), torch.tensor([[1, 1, 0, 0]])
    >>> float(TverskyLoss()(logits, target, torch.ones(1, 4, dtype=torch.bool))) < 0.001
    True
    """

    def __init__(self, fp_weight: float = 0.3, fn_weight: float = 0.7) -> None:
        super().__init__()
        self.fp_weight = fp_weight
        self.fn_weight = fn_weight

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`logits`, `target` (from 0 to 1), `valid`, all (batch, time), to one number."""
        p = logits.float().sigmoid() * valid
        is_seizure = target.to(p.dtype) * valid
        found = (p * is_seizure).sum()
        sums = torch.stack([found, p.sum() - found, is_seizure.sum() - found])
        tp, fp, fn = mean_over_ranks(sums) if self.training else sums
        return 1 - (tp + 1) / (tp + self.fp_weight * fp + self.fn_weight * fn + 1)


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


class SoftBorders(nn.Module):
    """A loss whose targets rise and fall over `2 · n_side + 1` targets around a seizure's borders.

    Annotators disagree on onsets and ends by seconds; a target is the mean of those around it that
    count, so that it is 1/2 at the border and the seizure keeps its length.

    >>> SoftBorders(WeightedCrossEntropy(), n_side=1).softened(
    ...     torch.tensor([[0, 0, 1, 1, 1]]), torch.ones(1, 5, dtype=torch.bool)
    ... ).mul(3).round().tolist()
    [[0.0, 1.0, 2.0, 3.0, 3.0]]
    """

    def __init__(self, loss: nn.Module, n_side: int) -> None:
        super().__init__()
        self.loss = loss
        self.n_side = n_side

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """`logits`, `target` (0 or 1), `valid`, all (batch, time), to one number."""
        return self.loss(logits, self.softened(target, valid), valid)

    def softened(self, target: Tensor, valid: Tensor) -> Tensor:
        """Targets from 0 to 1, (batch, time) float32."""
        both = torch.stack([target.bool() & valid, valid]).float()
        sums = F.pad(both.cumsum(-1), (self.n_side + 1, 0))
        sums = F.pad(sums.flatten(0, 1), (0, self.n_side), mode="replicate").view(
            2, len(target), -1
        )
        width = 2 * self.n_side + 1
        n_seizure, n_counting = sums[..., width:] - sums[..., :-width]
        return n_seizure / n_counting.clamp(min=1)


def balanced_pos_weight(seizure_share: float) -> float:
    """√((1 − r)/r) for a share r of seizure samples: half-way (in the logarithm) to full balance.

    >>> balanced_pos_weight(0.2)
    2.0
    """
    if not 0 < seizure_share < 1:
        raise ValueError(f"the share of seizure must be in (0, 1), found {seizure_share}")
    return math.sqrt((1 - seizure_share) / seizure_share)


def balanced_alpha(seizure_share: float) -> float:
    """The focal loss's α that weighs seizures against background as `balanced_pos_weight` does.

    >>> round(balanced_alpha(0.2), 4)
    0.6667
    """
    weight = balanced_pos_weight(seizure_share)
    return weight / (1 + weight)
