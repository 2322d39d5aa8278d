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


def loss(objective: Objective, data: WindowDataModule) -> nn.Module:
    """The loss at the rate of the targets."""
    per_target = loss_per_target(objective, data)
    target_rate_hz = data.windowing.target_rate_hz
    if target_rate_hz is None:
        return per_target
    return CoarserTargets(per_target, samples_per_frame(data.index.rate_hz, target_rate_hz))


def loss_per_target(objective: Objective, data: WindowDataModule) -> nn.Module:
    """The loss; a missing `pos_weight` follows from the share of seizure in the drawn windows."""
    if isinstance(objective, Focal):
        return FocalLoss(objective.alpha, objective.gamma)
    if objective.pos_weight is not None:
        return WeightedCrossEntropy(objective.pos_weight)
    return WeightedCrossEntropy(balanced_pos_weight(data.drawn_seizure_share()))
