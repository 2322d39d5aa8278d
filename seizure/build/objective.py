"""The loss of a configuration, with what it takes from the data."""

from torch import nn

from seizure.config import Objective
from seizure.learning.loss import (
    CoarserTargets,
    FocalLoss,
    SoftBorders,
    TverskyLoss,
    WeightedCrossEntropy,
    balanced_alpha,
    balanced_pos_weight,
)
from seizure.learning.spec import Focal, Tversky
from seizure.learning.tracks import samples_per_frame
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Windowing


def loss(objective: Objective, data: WindowDataModule) -> nn.Module:
    """The loss against the targets of the windows."""
    return of_targets(loss_per_target(objective, data), data.windowing, data.index.rate_hz)


def of_targets(per_target: nn.Module, windowing: Windowing, rate_hz: float) -> nn.Module:
    """A loss per target, made to compare at the windows' `target_rate_hz`, borders softened."""
    target_rate_hz = windowing.target_rate_hz or rate_hz
    n_side = round(windowing.soft_border_s * target_rate_hz / 2)
    if n_side:
        per_target = SoftBorders(per_target, n_side)
    if target_rate_hz == rate_hz:
        return per_target
    return CoarserTargets(per_target, samples_per_frame(rate_hz, target_rate_hz))


def loss_per_target(objective: Objective, data: WindowDataModule | None) -> nn.Module:
    """The loss; a missing `alpha` or `pos_weight` follows from the drawn windows' share of seizure.

    That share is of what epochs learn from, not of the corpus: what `balance` does to it already is
    not done again. `data` may be None where the objective says all.
    """
    if isinstance(objective, Tversky):
        return TverskyLoss(objective.fp_weight, objective.fn_weight)
    if isinstance(objective, Focal):
        alpha = objective.alpha
        return FocalLoss(balanced_alpha(_share(data)) if alpha is None else alpha, objective.gamma)
    weight = objective.pos_weight
    return WeightedCrossEntropy(balanced_pos_weight(_share(data)) if weight is None else weight)


def _share(data: WindowDataModule | None) -> float:
    assert data is not None, "a weight that is null follows from the data"
    return data.drawn_seizure_share()
