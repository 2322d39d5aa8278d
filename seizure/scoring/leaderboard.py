"""The results file of the SzCORE leaderboard, as its evaluation writes it, checked.

Figures are means over subjects on the leaderboard's own route: events rounded to two decimals, then
masks of whole seconds. Source: github.com/esl-epfl/szcore-evaluation and szcore, `results/`.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from seizure.events.export import write_atomically
from seizure.scoring import szcore
from seizure.scoring.case import Pair
from seizure.scoring.szcore import SzcoreCounts, SzcoreSummary

_BLOCKS = {"sample_results": szcore.sample, "event_results": szcore.event}
# The leaderboard's names of our figures.
_FIGURES = {
    "sensitivity": "sensitivity",
    "precision": "precision",
    "f1": "f1_2026",
    "fpRate": "fa_per_24h",
}
_OLD_F1 = "f1_before_2026"


class LeaderboardError(ValueError):
    """Results that the leaderboard could not show."""


def leaderboard(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The leaderboard's two blocks, and beside them what it does not show.

    `sample_results` and `event_results` hold mean and `_std` over subjects, nothing else. `f1` is
    the definition since January 2026; `f1_before_2026` has the older one for both blocks;
    `subjects` and `pooled` have the figures without a mean. An undefined figure is None.

    >>> from seizure.eeg.annotation import Event
    >>> seizure = (Event(10.0, 20.0),)
    >>> leaderboard([Pair("a", "p", 60.0, seizure, seizure)])["event_results"]["f1"]
    1.0
    """
    summaries = {
        block: szcore.summarise(pairs, partial(scorer, route="tsv"))
        for block, scorer in _BLOCKS.items()
    }
    subjects = next(iter(summaries.values())).subjects
    return {
        **{block: _means(summary) for block, summary in summaries.items()},
        "f1_before_2026": {
            block: {
                "f1": _or_none(summary.mean[_OLD_F1]),
                "f1_std": _or_none(summary.std[_OLD_F1]),
            }
            for block, summary in summaries.items()
        },
        "pooled": {block: _counted(summary.pooled) for block, summary in summaries.items()},
        "subjects": {
            subject: {block: _counted(s.subjects[subject]) for block, s in summaries.items()}
            for subject in subjects
        },
    }


def write_leaderboard(path: str | Path, content: Mapping[str, Any]) -> Path:
    """Write results as JSON of fixed bytes; raises as `check_leaderboard` before anything is."""
    check_leaderboard(content)
    return write_atomically(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def check_leaderboard(content: Mapping[str, Any]) -> None:
    """Raises `LeaderboardError` unless both blocks hold the eight figures, each possible or None.

    The leaderboard publishes no schema of its results; these are the rules its files keep.
    """
    names = {f"{name}{suffix}" for name in _FIGURES for suffix in ("", "_std")}
    for block in _BLOCKS:
        figures = content.get(block, {})
        if set(figures) != names:
            raise LeaderboardError(
                f"{block}: found {', '.join(sorted(figures)) or 'nothing'}, expected "
                f"{', '.join(sorted(names))}"
            )
        for name, value in figures.items():
            highest = float("inf") if name.startswith("fpRate") else 1.0
            possible = value is None or (isfinite(value) and 0 <= value <= highest)
            if not possible:
                raise LeaderboardError(f"{block}.{name}: found {value}, expected 0 to {highest:g}")


def _means(summary: SzcoreSummary) -> dict[str, float | None]:
    means = {}
    for name, ours in _FIGURES.items():
        means[name] = _or_none(summary.mean[ours])
        means[f"{name}_std"] = _or_none(summary.std[ours])
    return means


def _counted(counts: SzcoreCounts) -> dict[str, float | None]:
    figures = {
        name: getattr(counts, ours) for name, ours in (*_FIGURES.items(), (_OLD_F1, _OLD_F1))
    }
    whole = {"tp": counts.tp, "fp": counts.fp, "n_reference": counts.n_reference}
    return {**whole, **{name: _or_none(value) for name, value in figures.items()}}


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None
