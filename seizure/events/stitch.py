"""One probability track per recording, stitched from overlapping windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Events are compared at 0.1 ms (NEDC's four decimals), so a frame must be longer than that.
_MAX_RATE_HZ = 1000.0


@dataclass(frozen=True, eq=False)
class Track:
    """The probability of seizure over one whole recording, frame by frame.

    `probability` is float32 `(n_frames,)` in [0, 1]; frame `i` covers
    `[i / rate_hz, (i + 1) / rate_hz)` s, the last one possibly cut by `duration_s`.
    Raises `ValueError` when values are not finite probabilities or frames do not fit the duration.

    >>> Track("a", rate_hz=16.0, probability=np.zeros(160, np.float32), duration_s=10.0).n_frames
    160
    """

    stem: str
    rate_hz: float
    probability: NDArray[np.float32]
    duration_s: float

    def __post_init__(self) -> None:
        probability = np.asarray(self.probability, dtype=np.float32)
        object.__setattr__(self, "probability", probability)
        if not 0 < self.rate_hz <= _MAX_RATE_HZ:
            raise ValueError(
                f"{self.stem}: a track's rate must be in (0, {_MAX_RATE_HZ:g}] Hz, "
                f"found {self.rate_hz} Hz"
            )
        if probability.ndim != 1 or probability.size == 0:
            raise ValueError(
                f"{self.stem}: a track needs probabilities of shape (n_frames,) with at least "
                f"one frame, found shape {probability.shape}"
            )
        # The negated comparison also catches NaN.
        if not (probability.min() >= 0 and probability.max() <= 1):
            bad = np.flatnonzero(~((probability >= 0) & (probability <= 1)))
            raise ValueError(
                f"{self.stem}: {bad.size} of {probability.size} frames are not probabilities; "
                f"frame {bad[0]} is {probability[bad[0]]}; pass the sigmoid of the logits"
            )
        expected = self.duration_s * self.rate_hz
        if not abs(probability.size - expected) < 1 + 1e-6:
            raise ValueError(
                f"{self.stem}: {probability.size} frames at {self.rate_hz:g} Hz do not cover "
                f"{self.duration_s} s, which needs {int(np.ceil(expected - 1e-6))} frames"
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.probability.size)


class Stitcher:
    """Collects the windows of one recording and averages them where they overlap.

    A window may reach past the end of the recording (padding): its excess frames are dropped.

    >>> stitcher = Stitcher(rate_hz=1.0, n_frames=4)
    >>> stitcher.add(0, [0.2, 0.2, 0.2])
    >>> stitcher.add(1, [0.4, 0.4, 0.4])
    >>> stitcher.track("a").probability.round(2).tolist()
    [0.20000000298023224, 0.30000001192092896, 0.30000001192092896, 0.4000000059604645]
    """

    def __init__(self, rate_hz: float, n_frames: int) -> None:
        if n_frames < 1:
            raise ValueError(f"a recording needs at least one frame to stitch, found {n_frames}")
        self.rate_hz = rate_hz
        # Sums in float64, so the order in which windows arrive does not show in float32.
        self._total = np.zeros(n_frames, dtype=np.float64)
        self._n_windows = np.zeros(n_frames, dtype=np.int32)

    def add(self, start_frame: int, probability: ArrayLike) -> None:
        """Add one window's probabilities `(n_frames_of_window,)` from `start_frame` on.

        Raises `ValueError` for a start outside the recording or values that are not finite.
        """
        window = np.asarray(probability, dtype=np.float64)
        n_frames = self._total.size
        if window.ndim != 1:
            raise ValueError(f"a window must have shape (n_frames,), found {window.shape}")
        if not 0 <= start_frame < n_frames:
            raise ValueError(
                f"a window starts at frame {start_frame}, the recording has frames 0 to "
                f"{n_frames - 1}"
            )
        if not np.isfinite(window).all():
            raise ValueError(f"the window at frame {start_frame} holds values that are not finite")
        stop_frame = min(start_frame + window.size, n_frames)
        self._total[start_frame:stop_frame] += window[: stop_frame - start_frame]
        self._n_windows[start_frame:stop_frame] += 1

    @property
    def complete(self) -> bool:
        """Whether every frame has been covered by a window."""
        return bool((self._n_windows > 0).all())

    def track(self, stem: str, duration_s: float | None = None) -> Track:
        """The mean over overlapping windows; `duration_s` defaults to all frames in full.

        Raises `ValueError` when a frame was covered by no window.
        """
        if not self.complete:
            gaps = np.flatnonzero(self._n_windows == 0)
            raise ValueError(
                f"{stem}: {gaps.size} of {self._n_windows.size} frames are in no window, the "
                f"first is frame {gaps[0]} ({gaps[0] / self.rate_hz:.2f} s); predict windows "
                f"that cover the whole recording"
            )
        if duration_s is None:
            duration_s = self._total.size / self.rate_hz
        mean = (self._total / self._n_windows).astype(np.float32)
        return Track(stem, self.rate_hz, mean, duration_s)
