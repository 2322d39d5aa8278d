"""What training minimises and how: plain values that check themselves; needs no torch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Focal:
    """Focal loss; `alpha` weighs seizure against background, `gamma` fades out easy samples."""

    name: Literal["focal"] = "focal"
    alpha: float = 0.5
    gamma: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.gamma < 0:
            raise ValueError(
                f"alpha must be in (0, 1) and gamma at least 0, found {self.alpha} and {self.gamma}"
            )


@dataclass(frozen=True)
class CrossEntropy:
    """Binary cross entropy; `pos_weight` weighs seizure samples.

    None takes √((1 − r)/r) of the drawn windows' share r of seizure.
    """

    name: Literal["cross_entropy"] = "cross_entropy"
    pos_weight: float | None = None

    def __post_init__(self) -> None:
        if self.pos_weight is not None and not self.pos_weight > 0:
            raise ValueError(f"pos_weight must be positive or null, found {self.pos_weight}")


@dataclass(frozen=True)
class Optimisation:
    """Learning rate, weight decay and the schedule, as fractions of the whole training."""

    lr: float = 3e-5
    weight_decay: float = 0.05
    warmup_fraction: float = 0.03
    final_lr_fraction: float = 0.01

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.weight_decay < 0:
            raise ValueError(f"lr must be positive and weight_decay ≥ 0, found {self}")
        if not 0 <= self.warmup_fraction < 1 or not 0 <= self.final_lr_fraction <= 1:
            raise ValueError(
                f"warmup_fraction must be in [0, 1), final_lr_fraction in [0, 1]: {self}"
            )
