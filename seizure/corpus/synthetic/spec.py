"""What a synthetic corpus holds: its size, patients and recordings, and its random keys."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from seizure.corpus.synthetic.difficulty import Difficulty

Split = Literal["train", "dev", "eval"]
SPLITS: tuple[Split, ...] = ("train", "dev", "eval")
Lengths = Literal["even", "tusz"]
GENERATOR_VERSION = 5
"""Raised whenever the same spec would give other samples, so that a stale corpus is refused."""


@dataclass(frozen=True, slots=True)
class SyntheticSpec:
    """Size and seed of a synthetic corpus; equal specs give bit-identical files.

    `recording_min` is the mean length of a recording in minutes, at most four hours each: `even`
    lengths spread around it, `tusz` ones as far as TUSZ's, from 5 s on. Without `patients` one has
    `recordings_per_patient` recordings on average and a split stops at the first recording that
    reaches its hours; with it there are exactly that many, shared out like the hours, and the
    last recording of a split is cut to fit. A split of 0 hours is left out.

    >>> SyntheticSpec(train_hours=1.0, dev_hours=0.5, eval_hours=0.0).seed
    0
    """

    seed: int = 0
    train_hours: float = 24.0
    dev_hours: float = 12.0
    eval_hours: float = 12.0
    recording_min: float = 15.0
    recordings_per_patient: float = 2.5
    patients: int | None = None
    lengths: Lengths = "even"
    difficulty: Difficulty = "medium"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, found {self.seed}")
        for split in SPLITS:
            if not 0 <= self.hours(split) < float("inf"):
                raise ValueError(f"{split}_hours must be 0 or more, found {self.hours(split)}")
        if sum(self.hours(split) for split in SPLITS) == 0:
            raise ValueError("an empty corpus: train_hours, dev_hours and eval_hours are all 0")
        if not 1.0 <= self.recording_min <= 240.0:
            raise ValueError(f"recording_min must be 1 to 240 minutes, found {self.recording_min}")
        if not 1.0 <= self.recordings_per_patient <= 50.0:
            raise ValueError(
                f"recordings_per_patient must be 1 to 50, found {self.recordings_per_patient}"
            )
        for name, choices in (("lengths", Lengths), ("difficulty", Difficulty)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(
                    f"{name} must be one of {', '.join(get_args(choices))}, "
                    f"found {getattr(self, name)!r}"
                )
        if self.patients is not None:
            self._check_patients(self.patients)

    def _check_patients(self, patients: int) -> None:
        used: list[Split] = [split for split in SPLITS if self.hours(split) > 0]
        if patients < len(used):
            raise ValueError(
                f"patients must be at least {len(used)}, one in each of {', '.join(used)}; "
                f"found {patients}"
            )
        for split in used:
            if self.hours(split) * 60.0 < self.n_patients(split):
                raise ValueError(
                    f"patients: found {self.n_patients(split)} in {split} for its "
                    f"{self.hours(split):g} h, expected at least a minute each; give more hours or "
                    "fewer patients"
                )

    def hours(self, split: Split) -> float:
        """Hours asked for in `split`."""
        return {"train": self.train_hours, "dev": self.dev_hours, "eval": self.eval_hours}[split]

    def n_patients(self, split: Split) -> int:
        """Patients of `split` where their number is given: shared like the hours, at least one.

        >>> spec = SyntheticSpec(train_hours=7, dev_hours=1.5, eval_hours=1.5, patients=11)
        >>> [spec.n_patients(split) for split in SPLITS]
        [8, 2, 1]
        """
        if self.patients is None:
            raise ValueError("a spec without patients does not say how many a split has")
        used: list[Split] = [each for each in SPLITS if self.hours(each) > 0]
        shared = self.patients - len(used)
        total = sum(self.hours(each) for each in used)
        exact = {each: max(self.patients * self.hours(each) / total - 1, 0.0) for each in used}
        scale = shared / max(sum(exact.values()), 1e-9)
        whole = {each: int(scale * exact[each] + 1e-9) for each in used}
        by_rest = sorted(used, key=lambda each: whole[each] - scale * exact[each])
        for each in by_rest[: shared - sum(whole.values())]:
            whole[each] += 1
        return 1 + whole[split] if split in used else 0


@dataclass(frozen=True, slots=True)
class PlannedRecording:
    """One recording to be made: who, which, and how long in whole seconds.

    `session` counts from 1 and `take` from 0 within its session.
    """

    split: Split
    patient_index: int
    recording_index: int
    duration_s: int
    session: int = 1
    take: int = 0

    @property
    def patient(self) -> str:
        """Eight letters as in TUSZ, telling the split: `syntaaab` is train's second patient."""
        number, letters = self.patient_index, ""
        for _ in range(4):
            number, digit = divmod(number, 26)
            letters = chr(ord("a") + digit) + letters
        return f"syn{self.split[0]}{letters}"

    @property
    def session_folder(self) -> str:
        """Number and year, as in TUSZ."""
        return f"s{self.session:03d}_{2009 + self.session}"

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return f"{self.patient}_s{self.session:03d}_t{self.take:03d}"


def generator(seed: int, split: Split, patient: int, *key: int) -> np.random.Generator:
    """The random generator of one part of one recording, keyed by what it is, never by order.

    `key` is empty for the patient, else the recording and the number of the part.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(SPLITS.index(split), patient, *key))
    return np.random.Generator(np.random.SFC64(sequence))
