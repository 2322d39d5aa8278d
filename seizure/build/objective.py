"""The loss of a configuration, with what it takes from the data."""

from torch import nn

from seizure.config import Objective
from seizure.learning.loss import (
    CoarserTargets,
    FocalLoss,
    WeightedCrossEntropy,
    balanced_pos_weight,
)
from seizure.learning.spec import Focal
from seizure.learning.tracks import samples_per_frame
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Windowing


def loss(objective: Objective, data: WindowDataModule) -> nn.Module:
    """The loss at the rate of the targets."""
    return at_target_rate(loss_per_target(objective, data), data.windowing, data.index.rate_hz)


def at_target_rate(per_target: nn.Module, windowing: Windowing, rate_hz: float) -> nn.Module:
    """A loss per target, made to compare at the windows' `target_rate_hz`."""
    if windowing.target_rate_hz is None:
        return per_target
    return CoarserTargets(per_target, samples_per_frame(rate_hz, windowing.target_rate_hz))


def loss_per_target(objective: Objective, data: WindowDataModule | None) -> nn.Module:
    """The loss; a missing `pos_weight` follows from the share of seizure in the drawn windows.

    `data` may be None where the objective says all.
    """
    if isinstance(objective, Focal):
        return FocalLoss(objective.alpha, objective.gamma)
    if objective.pos_weight is not None:
        return WeightedCrossEntropy(objective.pos_weight)
    assert data is not None, "without a pos_weight the loss follows from the data"
    return WeightedCrossEntropy(balanced_pos_weight(data.drawn_seizure_share()))
