"""True positives, false positives and false negatives, and the figures made of them."""

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True)
class Counts:
    """What one scorer counted over some hours of EEG; NEDC's TAES counts fractions.

    `seconds_per_count` is 1 except for the epoch scorer, whose false-alarm rate is seconds of
    false alarm in 24 hours and not events.

    >>> (Counts(3, 1, 1, duration_s=43_200) + Counts(0, 2, 0, duration_s=43_200)).fa_per_24h
    3.0
    """

    tp: float
    fp: float
    fn: float
    duration_s: float
    seconds_per_count: float = 1.0

    def __add__(self, other: "Counts") -> "Counts":
        if self.seconds_per_count != other.seconds_per_count:
            raise ValueError("counts of different scorers cannot be added")
        return Counts(
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            self.duration_s + other.duration_s,
            self.seconds_per_count,
        )

    @property
    def sensitivity(self) -> float:
        """TP / (TP + FN); NaN where there is nothing to find."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP); NaN where nothing was found."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); NaN where there is nothing to find and nothing was found."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def fa_per_24h(self) -> float:
        """False alarms (epoch scorer: their seconds) in 24 hours of EEG, seizures included."""
        return self.fp * self.seconds_per_count / self.duration_s * 86_400


def _ratio(part: float, whole: float) -> float:
    # TAES can make a sum zero or negative; a share of that means nothing.
    return part / whole if whole > 0 else nan
