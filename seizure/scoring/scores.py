"""All scores of a set of recordings as one plain dictionary, and as a file of fixed bytes."""

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from math import isfinite
from operator import add
from pathlib import Path
from typing import Any

from seizure.events.export import write_atomically
from seizure.scoring import nedc, szcore
from seizure.scoring.case import Pair
from seizure.scoring.counts import Counts
from seizure.scoring.szcore import SzcoreCounts

_SZCORE = {"event": szcore.event, "sample": szcore.sample}
_NEDC_FIGURES = ("tp", "fp", "fn", "sensitivity", "precision", "f1", "fa_per_24h")
_SZCORE_FIGURES = (
    *("tp", "fp", "fn", "n_reference", "sensitivity", "precision"),
    # The first is the second under the key that all scorers share.
    *("f1", "f1_2026", "f1_before_2026"),
    "fa_per_24h",
)


def score_pairs(pairs: Sequence[Pair]) -> dict[str, Any]:
    """NEDC and SzCORE scores in total, per subject and per file; an undefined figure is None.

    Layout: `{"total": {"nedc": {"ovlp": {...}, ...}, "szcore": {"event": {...}, ...}, ...},
    "subjects": {patient: ...}, "files": {stem: ...}}`. The totals of SzCORE hold the pooled
    figures and, under `mean` and `std`, those over subjects; its `f1` is the one of 2026. Raises
    `ValueError` for no recordings or a stem given twice.

    >>> scores = score_pairs([Pair("a", "p", 60.0, (), ())])
    >>> scores["total"]["nedc"]["ovlp"]["fa_per_24h"], scores["files"]["a"]["hours"]
    (0.0, 0.016666666666666666)
    """
    pairs = sorted(pairs, key=lambda pair: pair.stem)
    stems = [pair.stem for pair in pairs]
    if not pairs:
        raise ValueError("there is no recording to score")
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise ValueError(f"{twice} is given twice; score each recording once")
    nedc_counts = {name: [scorer(pair) for pair in pairs] for name, scorer in nedc.SCORERS.items()}
    szcore_counts = {name: [scorer(pair) for pair in pairs] for name, scorer in _SZCORE.items()}

    def block(indices: Sequence[int]) -> dict[str, Any]:
        return {
            "n_recordings": len(indices),
            "hours": sum(pairs[i].duration_s for i in indices) / 3600,
            "nedc": {
                name: _figures(reduce(add, [counts[i] for i in indices]), _NEDC_FIGURES)
                for name, counts in nedc_counts.items()
            },
            "szcore": {
                name: _figures(reduce(add, [counts[i] for i in indices]), _SZCORE_FIGURES)
                for name, counts in szcore_counts.items()
            },
        }

    patients = [pair.patient for pair in pairs]
    subjects = {
        patient: [i for i, other in enumerate(patients) if other == patient]
        for patient in sorted(set(patients))
    }
    total = block(range(len(pairs)))
    total["n_subjects"] = len(subjects)
    for name, counts in szcore_counts.items():
        summary = szcore.collect(zip(patients, counts, strict=True))
        total["szcore"][name]["mean"] = _without_nan(summary.mean)
        total["szcore"][name]["std"] = _without_nan(summary.std)
    return {
        "total": total,
        "subjects": {patient: block(indices) for patient, indices in subjects.items()},
        "files": {pair.stem: block([i]) for i, pair in enumerate(pairs)},
    }


def write_scores(path: str | Path, scores: Mapping[str, Any]) -> Path:
    """Write scores as JSON, the same bytes for the same scores on every machine."""
    text = json.dumps(scores, indent=1, allow_nan=False, ensure_ascii=True)
    return write_atomically(path, text + "\n")


def _figures(counts: Counts | SzcoreCounts, names: Sequence[str]) -> dict[str, float | None]:
    return _without_nan({name: getattr(counts, name) for name in names})


def _without_nan(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if isfinite(value) else None for name, value in figures.items()}
