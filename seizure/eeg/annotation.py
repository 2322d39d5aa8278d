"""Annotated or detected seizures as half-open intervals in seconds, and the files that hold them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One seizure, annotated or detected: `[start_s, stop_s)` from the start of the recording.

    `label` is `seiz` or a seizure type of TUSZ (`fnsz`, `absz`, ...); `confidence` is in [0, 1].

    >>> Event(12.0, 50.5).duration_s
    38.5
    """

    start_s: float
    stop_s: float
    label: str = "seiz"
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.stop_s:
            raise ValueError(
                f"an event must start at or after 0 s and stop after it starts, "
                f"found [{self.start_s}, {self.stop_s})"
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.stop_s - self.start_s
