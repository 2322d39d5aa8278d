"""Two detectors on the same recordings: the difference of each figure, paired by patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seizure.scoring import nedc, szcore
from seizure.scoring.bootstrap import Interval, patient_interval
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.curve import Curve
from seizure.scoring.intervals import (
    Summed,
    counts_table,
    fa_per_24h,
    mean_of,
    mean_table,
    sensitivity,
)
from seizure.scoring.operating_point import Choice

_SZCORE_FIGURES = {
    "f1_2026": "SzCORE event F1 (2026)",
    "sensitivity": "SzCORE event sensitivity",
    "fa_per_24h": "SzCORE event FA/24h",
}


@dataclass(frozen=True, eq=False)
class Rival:
    """Another detector at its own frozen operating point, with its tracks of the same EEG."""

    name: str
    recordings: tuple[TrackedRecording, ...]
    choice: Choice


class Difference(NamedTuple):
    """A figure of both detectors, and this one's less the other's with its paired interval."""

    figure: str
    this: float
    other: float
    difference: Interval


@dataclass(frozen=True, eq=False)
class Comparison:
    """This detector against another one; `curve` is the other's under NEDC OVLP."""

    name: str
    choice: Choice
    differences: tuple[Difference, ...]
    curve: Curve


def differences(this: Sequence[Pair], other: Sequence[Pair]) -> tuple[Difference, ...]:
    """Each figure's difference, with a 95 % interval from the same draws of patients for both.

    Raises `ValueError` unless both are the same recordings in the same order.
    """
    _check_same(this, other)
    patients = [pair.patient for pair in this]
    found = []
    for name, scorer in (("OVLP", nedc.ovlp), ("TAES", nedc.taes)):
        tables = [counts_table(pairs, scorer) for pairs in (this, other)]
        found.append(_difference(f"NEDC {name} sensitivity", patients, tables, sensitivity))
        found.append(_difference(f"NEDC {name} FA/24h", patients, tables, fa_per_24h))
    subjects = [szcore.summarise(pairs, szcore.event).subjects for pairs in (this, other)]
    for figure, name in _SZCORE_FIGURES.items():
        tables = [mean_table(counts.values(), figure) for counts in subjects]
        label = f"{name}, mean over patients"
        found.append(_difference(label, list(subjects[0]), tables, mean_of))
    return tuple(found)


def _difference(
    name: str,
    patients: Sequence[str],
    tables: Sequence[Summed],
    figure: Callable[[Summed], Summed],
) -> Difference:
    width = tables[0].shape[1]
    interval = patient_interval(
        patients,
        np.concatenate(tables, axis=1),
        lambda summed: figure(summed[:, :width]) - figure(summed[:, width:]),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        this, other = (float(figure(table.sum(axis=0, keepdims=True))[0]) for table in tables)
    return Difference(name, this, other, interval)


def _check_same(this: Sequence[Pair], other: Sequence[Pair]) -> None:
    if [pair.stem for pair in this] != [pair.stem for pair in other]:
        different = sorted({pair.stem for pair in this} ^ {pair.stem for pair in other})
        raise ValueError(
            "two detectors are compared on the same recordings in the same order; found "
            f"{len(this)} and {len(other)}, only one of them has {', '.join(different) or 'none'}"
        )
