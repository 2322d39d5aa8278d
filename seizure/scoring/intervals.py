"""The interval over patients of every figure that a report states, from sums of counts."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seizure.scoring import nedc, szcore
from seizure.scoring.bootstrap import Interval, patient_interval
from seizure.scoring.case import Pair
from seizure.scoring.szcore import SzcoreCounts

Summed = NDArray[np.float64]
_DAY_S = 86_400


def counts_table(pairs: Sequence[Pair], scorer: nedc.Scorer) -> Summed:
    """TP, FN, false alarms (for epochs their seconds) and seconds of EEG, a row a recording."""
    counts = [scorer(pair) for pair in pairs]
    return np.array([[c.tp, c.fn, c.fp * c.seconds_per_count, c.duration_s] for c in counts])


def sensitivity(summed: Summed) -> Summed:
    """The sensitivity of each row of summed counts."""
    return summed[:, 0] / summed[:, :2].sum(1)


def fa_per_24h(summed: Summed) -> Summed:
    """The false alarms per 24 h of each row of summed counts."""
    return summed[:, 2] / summed[:, 3] * _DAY_S


def mean_table(subjects: Iterable[SzcoreCounts], figure: str) -> Summed:
    """A mean over the subjects that have a figure, as sums: the figure or 0, and if it exists."""
    values = np.array([getattr(count, figure) for count in subjects], dtype=np.float64)
    exists = np.isfinite(values)
    return np.stack([np.where(exists, values, 0.0), exists], axis=1)


def mean_of(summed: Summed) -> Summed:
    """The mean that a `mean_table` sums up to."""
    return summed[:, 0] / summed[:, 1]


def intervals(pairs: Sequence[Pair]) -> dict[str, Interval]:
    """95 % intervals of the NEDC scorers and of SzCORE's means over patients.

    Keys are `ovlp_sensitivity`, `ovlp_fa_per_24h`, and so on for each scorer of `nedc.SCORERS`,
    and `szcore_event_f1_2026` and so on for events and samples and SzCORE's figures.
    """
    patients = [pair.patient for pair in pairs]
    found = {}
    for name, scorer in nedc.SCORERS.items():
        table = counts_table(pairs, scorer)
        found[f"{name}_sensitivity"] = patient_interval(patients, table, sensitivity)
        found[f"{name}_fa_per_24h"] = patient_interval(patients, table, fa_per_24h)
    for name, scorer in (("event", szcore.event), ("sample", szcore.sample)):
        subjects = szcore.summarise(pairs, scorer).subjects
        for figure in szcore.FIGURES:
            table = mean_table(subjects.values(), figure)
            found[f"szcore_{name}_{figure}"] = patient_interval(list(subjects), table, mean_of)
    return found


def sensitivity_interval(pairs: Sequence[Pair], counting: str) -> Interval:
    """The interval of the pooled sensitivity under a curve's counting."""
    scorers: Mapping[str, nedc.Scorer | szcore.Scorer] = {
        "nedc_ovlp": nedc.ovlp,
        "szcore_event": szcore.event,
    }
    counts = [scorers[counting](pair) for pair in pairs]
    table = [[count.tp, count.fn] for count in counts]
    return patient_interval([pair.patient for pair in pairs], table, sensitivity)
