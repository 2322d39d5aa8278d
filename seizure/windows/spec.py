"""How recordings are cut, mixed and loaded: plain values that check themselves; needs no torch."""

from dataclasses import dataclass
from typing import Literal

Normalisation = Literal["robust", "standard"]
NormalisedPer = Literal["recording", "window"]


@dataclass(frozen=True)
class Windowing:
    """How recordings are cut: windows and strides in seconds.

    Training windows overlap (`stride_s`), scored ones (`scoring_stride_s`) cover every recording;
    where they overlap their probabilities are averaged. `target_rate_hz` is how many targets a
    second the loss compares, None one for each sample; over `soft_border_s` around a seizure's
    borders they rise from 0 to 1 and fall again, 0 leaves them as annotated. Samples up to
    `ignore_before_s` before and `ignore_after_s` after a seizure (pre-ictal, post-ictal) take no
    part in the training loss; in scoring they count.
    """

    window_s: float = 60.0
    stride_s: float = 10.0
    scoring_stride_s: float = 60.0
    normalisation: Normalisation = "robust"
    normalised_per: NormalisedPer = "recording"
    target_rate_hz: float | None = None
    soft_border_s: float = 0.0
    ignore_before_s: float = 0.0
    ignore_after_s: float = 0.0

    def __post_init__(self) -> None:
        if self.soft_border_s < 0:
            raise ValueError(f"soft_border_s must not be negative, found {self.soft_border_s}")
        if self.ignore_before_s < 0 or self.ignore_after_s < 0:
            raise ValueError(
                f"ignore_before_s and ignore_after_s must not be negative, found "
                f"{self.ignore_before_s} and {self.ignore_after_s}"
            )
        if self.target_rate_hz is not None and not self.target_rate_hz > 0:
            raise ValueError(
                f"target_rate_hz must be positive, or null for the rate of the EEG, found "
                f"{self.target_rate_hz}"
            )
        if not (self.window_s > 0 and self.stride_s > 0 and self.scoring_stride_s > 0):
            raise ValueError("window_s, stride_s and scoring_stride_s must be positive")
        if self.scoring_stride_s > self.window_s:
            raise ValueError(
                f"scoring_stride_s ({self.scoring_stride_s}) must not exceed window_s "
                f"({self.window_s}): the EEG between windows would never be scored"
            )

    def check_targets(self, rate_hz: float) -> None:
        """Raises `ValueError` unless targets are whole numbers of samples and fill a window."""
        if self.target_rate_hz is None:
            return
        n_targets = self.window_s * self.target_rate_hz
        if rate_hz % self.target_rate_hz or n_targets != round(n_targets):
            raise ValueError(
                f"windows.target_rate_hz={self.target_rate_hz:g} must divide preprocess.rate_hz="
                f"{rate_hz:g} and give a whole number of targets in "
                f"windows.window_s={self.window_s:g}; null gives one a sample"
            )

    def describe_normalisation(self) -> str:
        """What the EEG is divided by, in words.

        >>> Windowing(normalised_per="window").describe_normalisation()
        'robust (median and interquartile range), per channel and window'
        """
        statistics = {
            "robust": "median and interquartile range",
            "standard": "mean and standard deviation",
        }[self.normalisation]
        return f"{self.normalisation} ({statistics}), per channel and {self.normalised_per}"


# A worker needs one core to copy windows and one for what feeds it; with one it starved the card.
CORES_PER_WORKER = 2


@dataclass(frozen=True)
class Loading:
    """How batches are made ready: sizes, workers and memory, as `DataLoader` takes them."""

    batch_size: int = 16
    scoring_batch_size: int = 16
    num_workers: int = 0
    persistent_workers: bool = True
    prefetch_factor: int = 2
    pin_memory: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.scoring_batch_size < 1:
            raise ValueError("batch_size and scoring_batch_size must be at least 1")
        if self.num_workers < 0 or self.prefetch_factor < 1:
            raise ValueError("num_workers must be at least 0 and prefetch_factor at least 1")

    def too_many_workers(self, n_processes: int, n_cores: int) -> str | None:
        """What is wrong and what to set, where the workers of `n_processes` trainers outnumber
        what `n_cores` can feed; else None.

        >>> Loading(num_workers=2).too_many_workers(n_processes=1, n_cores=4)
        >>> Loading(num_workers=4).too_many_workers(n_processes=2, n_cores=6)
        '8 loader workers (4 of each of 2 processes) on 6 cores, which feed 3: a worker keeps 2 \
cores busy, more of them only wait for each other; set loader.num_workers=1'
        """
        n_workers, n_fed = n_processes * self.num_workers, n_cores // CORES_PER_WORKER
        if n_workers <= n_cores / CORES_PER_WORKER:
            return None
        of_each = f" ({self.num_workers} of each of {n_processes} processes)"
        return (
            f"{n_workers} loader workers{of_each if n_processes > 1 else ''} on {n_cores} cores, "
            f"which feed {n_fed}: a worker keeps {CORES_PER_WORKER} cores busy, more of them only "
            f"wait for each other; set loader.num_workers={n_fed // n_processes}"
        )


@dataclass(frozen=True)
class Balance:
    """How an epoch is mixed: all windows partly seizure, and these many of the others for each.

    `windows_per_epoch` cuts the drawn mixture to a shorter epoch (each epoch another part of it);
    None takes all of it. An epoch goes through its windows `repeats` times, in the same order.
    Source: the balance of the original TUSZ recipe, 1 : 0.3 : 2.5.
    """

    full_ratio: float = 0.3
    background_ratio: float = 2.5
    windows_per_epoch: int | None = None
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.full_ratio < 0 or self.background_ratio < 0:
            raise ValueError("full_ratio and background_ratio must not be negative")
        if self.windows_per_epoch is not None and self.windows_per_epoch < 1:
            raise ValueError("windows_per_epoch must be at least 1, or null for the whole draw")
        if self.repeats < 1:
            raise ValueError(f"repeats must be at least 1, found {self.repeats}")
