"""What a cache holds, counted for each split: the table and the JSON file of `prepare`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from seizure.cache.build import BuildReport
from seizure.cache.index import CacheIndex
from seizure.corpus.entry import SPLITS
from seizure.eeg.annotation import SEIZURE_TYPES


@dataclass(frozen=True)
class SplitSummary:
    """The usable recordings of one split, or of all; what was left out is only counted.

    `n_seizures` is per type, as annotated; where seizures overlap, `seizure_hours` counts once.
    """

    split: str
    n_patients: int
    n_recordings: int
    n_left_out: int
    hours: float
    seizure_hours: float
    n_seizures: dict[str, int]
    n_bytes: int


def summarise(built: BuildReport) -> tuple[SplitSummary, ...]:
    """A summary of each split that has recordings, then of all of them."""
    index = built.index
    left_out = Counter(failure.split for failure in built.failures)
    rows = {split: index.rows(split) for split in SPLITS}
    parts = [
        _summary(index, split, rows[split], left_out[split])
        for split in SPLITS
        if len(rows[split]) or left_out[split]
    ]
    return (*parts, _summary(index, "all", np.arange(len(index)), left_out.total()))


def table(summaries: Sequence[SplitSummary]) -> list[str]:
    """Lines to print: a row for each split, then one for each type of seizure."""
    found = {name for summary in summaries for name in summary.n_seizures}
    lines = [
        "split  patients  recordings  left out     hours  seizures  seizure hours        MB",
        *(
            f"{s.split:<5}  {s.n_patients:>8}  {s.n_recordings:>10}  {s.n_left_out:>8}  "
            f"{s.hours:>8.2f}  {sum(s.n_seizures.values()):>8}  {s.seizure_hours:>13.3f}  "
            f"{s.n_bytes / 1e6:>8.1f}"
            for s in summaries
        ),
    ]
    if found:
        lines.append("seizures of type" + "".join(f"{s.split:>8}" for s in summaries))
    for name in SEIZURE_TYPES:
        if name in found:
            counts = "".join(f"{s.n_seizures.get(name, 0):>8}" for s in summaries)
            lines.append(f"  {name:<14}{counts}")
    return lines


def as_json(built: BuildReport, minutes: float) -> dict[str, Any]:
    """Everything that a build found and did, as plain containers."""
    return {
        "splits": [asdict(summary) for summary in summarise(built)],
        "prepared_now": built.n_built,
        "as_they_were": built.n_reused,
        "minutes": round(minutes, 3),
        "left_out": [_as_json(failure) for failure in built.failures],
        "damaged": [_as_json(damage) for damage in built.damaged],
        "interpolated": [
            {"electrodes": list(names), "recordings": n} for names, n in built.interpolated.items()
        ],
        "masked": [{"channels": list(names), "recordings": n} for names, n in built.masked.items()],
        "without_recording": [str(path) for path in built.orphans],
    }


def _as_json(failure: Any) -> dict[str, str]:
    return {**asdict(failure), "path": str(failure.path)}


def _summary(index: CacheIndex, split: str, rows: np.ndarray, n_left_out: int) -> SplitSummary:
    types = [SEIZURE_TYPES[code] for row in rows for code in index.event_types_of(row)]
    n_ictal = sum(_n_covered(index.events_of(row)) for row in rows)
    return SplitSummary(
        split=split,
        n_patients=len(np.unique(index.patient[rows])),
        n_recordings=len(rows),
        n_left_out=n_left_out,
        hours=float(index.n_samples[rows].sum()) / index.rate_hz / 3600,
        seizure_hours=n_ictal / index.rate_hz / 3600,
        n_seizures=dict(Counter(types).most_common()),
        n_bytes=int(index.size_bytes[rows].sum()),
    )


def _n_covered(events: np.ndarray) -> int:
    """Samples in at least one of the intervals `(event, 2)`."""
    n_samples = end = 0
    for start, stop in sorted(events.tolist()):
        n_samples += max(0, stop - max(start, end))
        end = max(end, stop)
    return n_samples
