"""What a synthetic corpus holds: its size, patients and recordings, and its random keys."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

Split = Literal["train", "dev", "eval"]
SPLITS: tuple[Split, ...] = ("train", "dev", "eval")
LONGEST_RECORDING_S = 3600
SHORTEST_RECORDING_S = 60
GENERATOR_VERSION = 2
"""Raised whenever the same spec would give other samples, so that a stale corpus is refused."""


@dataclass(frozen=True, slots=True)
class SyntheticSpec:
    """Size and seed of a synthetic corpus; equal specs give bit-identical files.

    `recording_min` is the mean length of a recording in minutes (lengths spread around it, never
    above an hour); a patient has `recordings_per_patient` recordings on average, so the defaults
    give about 0.6 h a patient. A split stops at the first recording that reaches its hours; a
    split of 0 hours is left out.

    >>> SyntheticSpec(train_hours=1.0, dev_hours=0.5, eval_hours=0.0).seed
    0
    """

    seed: int = 0
    train_hours: float = 24.0
    dev_hours: float = 12.0
    eval_hours: float = 12.0
    recording_min: float = 15.0
    recordings_per_patient: float = 2.5

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, found {self.seed}")
        for split in SPLITS:
            if self.hours(split) < 0:
                raise ValueError(f"{split}_hours must be 0 or more, found {self.hours(split)}")
        if sum(self.hours(split) for split in SPLITS) == 0:
            raise ValueError("an empty corpus: train_hours, dev_hours and eval_hours are all 0")
        if not 1.0 <= self.recording_min <= 60.0:
            raise ValueError(f"recording_min must be 1 to 60 minutes, found {self.recording_min}")
        if not 1.0 <= self.recordings_per_patient <= 50.0:
            raise ValueError(
                f"recordings_per_patient must be 1 to 50, found {self.recordings_per_patient}"
            )

    def hours(self, split: Split) -> float:
        """Hours asked for in `split`."""
        return {"train": self.train_hours, "dev": self.dev_hours, "eval": self.eval_hours}[split]


@dataclass(frozen=True, slots=True)
class PlannedRecording:
    """One recording to be made: who, which, and how long in whole seconds."""

    split: Split
    patient_index: int
    recording_index: int
    duration_s: int

    @property
    def patient(self) -> str:
        """Eight letters as in TUSZ, telling the split: `syntaaab` is train's second patient."""
        number, letters = self.patient_index, ""
        for _ in range(4):
            number, digit = divmod(number, 26)
            letters = chr(ord("a") + digit) + letters
        return f"syn{self.split[0]}{letters}"

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return f"{self.patient}_s001_t{self.recording_index:03d}"


def generator(seed: int, split: Split, patient: int, *key: int) -> np.random.Generator:
    """The random generator of one part of one recording, keyed by what it is, never by order.

    `key` is empty for the patient, else the recording and the number of the part.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(SPLITS.index(split), patient, *key))
    return np.random.Generator(np.random.SFC64(sequence))


def planned_recording(
    spec: SyntheticSpec, split: Split, patient_index: int, recording_index: int
) -> PlannedRecording:
    """A recording and its length, which depends on nothing but its own key and `recording_min`."""
    rng = generator(spec.seed, split, patient_index, recording_index, 0)
    sigma = 0.4
    length_s = 60.0 * spec.recording_min * rng.lognormal(-0.5 * sigma**2, sigma)
    length_s = min(max(length_s, SHORTEST_RECORDING_S), LONGEST_RECORDING_S)
    return PlannedRecording(split, patient_index, recording_index, round(length_s))


@cache
def planned_recordings(spec: SyntheticSpec) -> tuple[PlannedRecording, ...]:
    """Every recording of the corpus in order of split, patient and recording."""
    planned: list[PlannedRecording] = []
    for split in SPLITS:
        left_s, patient_index = spec.hours(split) * 3600.0, 0
        while left_s > 0:
            rng = generator(spec.seed, split, patient_index)
            n_recordings = 1 + int(rng.poisson(spec.recordings_per_patient - 1.0))
            for recording_index in range(n_recordings):
                if left_s <= 0:
                    break
                recording = planned_recording(spec, split, patient_index, recording_index)
                planned.append(recording)
                left_s -= recording.duration_s
            patient_index += 1
    return tuple(planned)
