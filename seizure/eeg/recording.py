"""A multichannel EEG recording in µV, and the error of a file that cannot become one."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np


class UnreadableRecording(ValueError):
    """A file that cannot become correct EEG; carries the path and the reason."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(str(path), reason)
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Recording:
    """One continuous recording: `signal_uv` is `(channel, sample)` float32 in µV.

    `channel_names` are canonical and in montage order. `interpolated` names the channels that were
    estimated from their neighbours, `masked` those that hold no EEG; `issues` says in words what
    was odd or repaired in the source, `is_truncated` that it ends before its header said it would.
    `start` is local time.

    >>> import numpy as np
    >>> Recording(np.zeros((1, 512), np.float32), 256.0, ("Cz",)).duration_s
    2.0
    """

    signal_uv: np.ndarray
    rate_hz: float
    channel_names: tuple[str, ...]
    interpolated: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    is_truncated: bool = False
    start: datetime | None = None

    def __post_init__(self) -> None:
        if self.signal_uv.ndim != 2 or len(self.signal_uv) != len(self.channel_names):
            raise ValueError(
                f"signal_uv must be (channel, sample) with {len(self.channel_names)} channels, "
                f"found shape {self.signal_uv.shape}"
            )
        if self.signal_uv.dtype != np.float32:
            raise ValueError(f"signal_uv must be float32, found {self.signal_uv.dtype}")
        if not self.rate_hz > 0:
            raise ValueError(f"rate_hz must be positive, found {self.rate_hz}")

    @property
    def n_samples(self) -> int:
        """Samples per channel."""
        return self.signal_uv.shape[1]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz
