"""The recording while it is being made: a signal to add to, and the truth of what was added."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from seizure.corpus.synthetic.head import ELECTRODES
from seizure.corpus.synthetic.rhythm import Course, course

Origin = Literal["seizure", "cerebral", "extracerebral"]


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """What really happened in `[start_s, stop_s)`: a seizure or something that is not one.

    `origin` is `seizure`, `cerebral` (a mimic) or `extracerebral` (an artefact); `cause` names the
    type; `lacks` is the one property of a seizure that a mimic misses (`evolution`, `duration`,
    `synchrony`, `field`) or empty. `electrodes` are the strongest ones, strongest first, and
    `peak_uv` the largest RMS over half a second among them.
    """

    start_s: float
    stop_s: float
    origin: Origin
    cause: str
    lacks: str = ""
    electrodes: tuple[str, ...] = ()
    peak_uv: float = 0.0


@dataclass
class Scene:
    """`signal_uv` (21, sample) float32 before referencing, and the truth so far."""

    signal_uv: np.ndarray
    rate_hz: int
    states: np.ndarray
    truth: list[TruthEvent] = field(default_factory=list)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.signal_uv.shape[1] / self.rate_hz

    def add(
        self, start_s: float, block_uv: np.ndarray, electrode: int | slice = slice(None)
    ) -> None:
        """Add a block (21, sample), or (sample,) at one electrode; what is outside is cut off."""
        start = round(start_s * self.rate_hz)
        first = max(0, -start)
        n_samples = min(block_uv.shape[-1], self.signal_uv.shape[1] - start) - first
        if n_samples > 0:
            target = self.signal_uv[electrode, start + first : start + first + n_samples]
            target += block_uv[..., first : first + n_samples]

    def scale(self, start_s: float, knots: Course) -> None:
        """Multiply everything so far by a course of (second after `start_s`, gain)."""
        first_s, last_s = knots[0][0], knots[-1][0]
        gain = course(knots, np.arange(first_s, last_s, 1.0 / self.rate_hz)).astype(np.float32)
        start = round((start_s + first_s) * self.rate_hz)
        first = max(0, -start)
        n_samples = min(len(gain), self.signal_uv.shape[1] - start) - first
        if n_samples > 0:
            self.signal_uv[:, start + first : start + first + n_samples] *= gain[
                first : first + n_samples
            ]

    def silence(self, start_s: float, block_uv: np.ndarray) -> None:
        """Remove the signal so far at the electrodes that `block_uv` (21, sample) replaces."""
        for electrode in np.flatnonzero(np.any(block_uv != 0, axis=1)):
            start = round(start_s * self.rate_hz)
            stop = min(start + block_uv.shape[1], self.signal_uv.shape[1])
            self.signal_uv[electrode, max(start, 0) : stop] = 0.0

    def note(
        self, start_s: float, block_uv: np.ndarray, origin: Origin, cause: str, lacks: str = ""
    ) -> None:
        """Write a block's interval (within the recording), electrodes and size into the truth."""
        stop_s = min(start_s + block_uv.shape[1] / self.rate_hz, self.duration_s)
        start_s = max(start_s, 0.0)
        if stop_s > start_s:
            electrodes, peak_uv = strongest(block_uv, self.rate_hz)
            self.truth.append(
                TruthEvent(start_s, stop_s, origin, cause, lacks, electrodes, peak_uv)
            )


def strongest(block_uv: np.ndarray, rate_hz: float) -> tuple[tuple[str, ...], float]:
    """Electrodes above half of the largest half-second RMS, strongest first, and that RMS in µV."""
    peak = rms_course(block_uv, rate_hz, 0.5).max(axis=1)
    order = np.argsort(-peak, kind="stable")
    named = tuple(ELECTRODES[i] for i in order[:6] if peak[i] >= 0.5 * peak.max())
    return named, round(float(peak.max()), 1)


def rms_course(block_uv: np.ndarray, rate_hz: float, step_s: float) -> np.ndarray:
    """RMS of (electrode, sample) in consecutive steps, (electrode, step); the last may be short."""
    length = max(round(step_s * rate_hz), 1)
    edges = np.arange(0, block_uv.shape[1], length)
    power = np.add.reduceat(block_uv.astype(np.float64) ** 2, edges, axis=1)
    return np.sqrt(power / np.diff(np.append(edges, block_uv.shape[1])))
