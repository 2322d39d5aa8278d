"""What training minimises and how: plain values that check themselves; needs no torch."""

from dataclasses import dataclass, field, fields
from typing import Literal


@dataclass(frozen=True)
class Focal:
    """Focal loss; `alpha` weighs seizure against background, `gamma` fades out easy samples.

    An `alpha` of None has α/(1 − α) = √((1 − r)/r) for the drawn windows' share r of seizure.
    """

    name: Literal["focal"] = "focal"
    alpha: float | None = 0.5
    gamma: float = 2.0

    def __post_init__(self) -> None:
        if self.alpha is not None and not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be in (0, 1) or null, found {self.alpha}")
        if self.gamma < 0:
            raise ValueError(f"gamma must be at least 0, found {self.gamma}")


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
class Tversky:
    """One minus the Tversky index; false alarms and misses, in seconds, against what is found."""

    name: Literal["tversky"] = "tversky"
    fp_weight: float = 0.3
    fn_weight: float = 0.7

    def __post_init__(self) -> None:
        if not (self.fp_weight > 0 and self.fn_weight > 0):
            raise ValueError(
                f"fp_weight and fn_weight must be positive, found {self.fp_weight} and "
                f"{self.fn_weight}"
            )


@dataclass(frozen=True)
class Optimisation:
    """Learning rate, weight decay and the schedule, as fractions of the whole training.

    `ema_decay` is what a moving average of the weights keeps of itself each step; None: no average.
    """

    lr: float = 3e-5
    weight_decay: float = 0.05
    warmup_fraction: float = 0.03
    final_lr_fraction: float = 0.01
    ema_decay: float | None = None

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.weight_decay < 0:
            raise ValueError(f"lr must be positive and weight_decay ≥ 0, found {self}")
        if not 0 <= self.warmup_fraction < 1 or not 0 <= self.final_lr_fraction <= 1:
            raise ValueError(
                f"warmup_fraction must be in [0, 1), final_lr_fraction in [0, 1]: {self}"
            )
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay must be in (0, 1) or null, found {self.ema_decay}")


@dataclass(frozen=True)
class Mirror:
    """Left and right hemispheres exchanged."""

    probability: float = 0.0


@dataclass(frozen=True)
class AmplitudeScale:
    """A window multiplied by one factor, log-uniform in [1/`factor`, `factor`]."""

    probability: float = 0.0
    factor: float = 1.5


@dataclass(frozen=True)
class GaussianNoise:
    """White noise, its size uniform in [0, `std`] of the normalised EEG's standard deviation."""

    probability: float = 0.0
    std: float = 0.2


@dataclass(frozen=True)
class TimeMask:
    """A stretch of all channels set to 0, its length uniform in [0, `longest_s`]."""

    probability: float = 0.0
    longest_s: float = 5.0


@dataclass(frozen=True)
class ChannelDrop:
    """Each channel set to 0 with the probability `share`."""

    probability: float = 0.0
    share: float = 0.15


@dataclass(frozen=True)
class Augmentation:
    """What is done to training windows, each with a `probability` a window; all off by default."""

    mirror: Mirror = field(default_factory=Mirror)
    amplitude_scale: AmplitudeScale = field(default_factory=AmplitudeScale)
    gaussian_noise: GaussianNoise = field(default_factory=GaussianNoise)
    time_mask: TimeMask = field(default_factory=TimeMask)
    channel_drop: ChannelDrop = field(default_factory=ChannelDrop)

    def __post_init__(self) -> None:
        for entry in fields(self):
            probability = getattr(self, entry.name).probability
            if not 0 <= probability <= 1:
                raise ValueError(f"{entry.name}.probability must be in [0, 1], found {probability}")
        if self.amplitude_scale.factor < 1:
            raise ValueError(
                f"amplitude_scale.factor must be at least 1, found {self.amplitude_scale.factor}"
            )
        if self.gaussian_noise.std < 0 or self.time_mask.longest_s < 0:
            raise ValueError(
                f"gaussian_noise.std and time_mask.longest_s must not be negative, found "
                f"{self.gaussian_noise.std} and {self.time_mask.longest_s}"
            )
        if not 0 <= self.channel_drop.share < 1:
            raise ValueError(
                f"channel_drop.share must be in [0, 1), found {self.channel_drop.share}"
            )

    @property
    def is_off(self) -> bool:
        """Whether no window is ever changed."""
        return not any(getattr(self, entry.name).probability for entry in fields(self))

    def describe(self) -> str:
        """What is on, with its values, or "none".

        >>> Augmentation(time_mask=TimeMask(probability=0.2)).describe()
        'time_mask (probability 0.2, longest_s 5)'
        """
        on = {e.name: vars(getattr(self, e.name)) for e in fields(self)}
        told = (
            f"{name} ({', '.join(f'{key} {value:g}' for key, value in values.items())})"
            for name, values in on.items()
            if values["probability"]
        )
        return ", ".join(told) or "none"
