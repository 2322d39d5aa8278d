"""Figures that others have published, each with the data, the scorer and the F1 behind it."""

from typing import NamedTuple

from seizure.scoring.cells import number, percent, table
from seizure.scoring.curve import OperatingPoint
from seizure.scoring.evaluation import Evaluation

_EVENT = "SzCORE event, mean over patients"
_OVLP = "NEDC OVLP, pooled"
_F1_2026, _F1_OLD, _NO_F1 = "since January 2026", "before 2026", ""


class Figure(NamedTuple):
    """One detector on one set of recordings; None is what was not stated."""

    detector: str
    data: str
    scorer: str
    f1_definition: str
    f1: float | None = None
    sensitivity: float | None = None
    fa_per_24h: float | None = None
    auroc: float | None = None


# Source: SzCORE's public leaderboard (Dianalund, Siena, SeizeIT); SeizureTransformer on TUSZ's
# eval; EvoBrain, clips of TUSZ.
PUBLISHED = (
    Figure("SeizureTransformer", "Dianalund", _EVENT, _F1_2026, f1=0.323, fa_per_24h=1.31),
    Figure("DeepSOZ-HEM", "Dianalund", _EVENT, _F1_2026, f1=0.304, fa_per_24h=13.05),
    Figure("Zhu", "Dianalund", _EVENT, _F1_2026, f1=0.188, fa_per_24h=22.7),
    Figure("Brain-Go-Brr", "Dianalund", _EVENT, _F1_2026, f1=0.033, fa_per_24h=88.0),
    Figure("DeepSOZ-HEM", "Siena", _EVENT, _F1_2026, f1=0.820),
    Figure("SeizureTransformer", "Siena", _EVENT, _F1_2026, f1=0.706),
    Figure("SeizureTransformer", "SeizeIT", _EVENT, _F1_2026, f1=0.357),
    Figure("SeizureTransformer", "TUSZ eval", _OVLP, _NO_F1, sensitivity=0.4563, fa_per_24h=26.89),
    Figure("SeizureTransformer", "TUSZ eval", _OVLP, _NO_F1, sensitivity=0.3390, fa_per_24h=10.27),
    Figure("SeizureTransformer", "TUSZ eval", _OVLP, _NO_F1, sensitivity=0.1450, fa_per_24h=2.05),
    Figure("SeizureTransformer", "TUSZ eval", "AUROC, as published", _NO_F1, auroc=0.902),
    Figure("EvoBrain", "TUSZ", "AUROC, clip of 12 s", _NO_F1, auroc=0.877),
    Figure("EvoBrain", "TUSZ", "AUROC, clip of 60 s", _NO_F1, auroc=0.865),
)


def beside_published(evaluation: Evaluation, corpus_note: str) -> tuple[Figure, ...]:
    """The same kinds of figures of this detector, at its frozen point and along its own curve."""
    data = f"{evaluation.split}, {corpus_note}"
    event = evaluation.scores["total"]["szcore"]["event"]["mean"]
    own = [
        Figure(
            "this", data, _EVENT, definition, event[key], event["sensitivity"], event["fa_per_24h"]
        )
        for key, definition in (("f1_2026", _F1_2026), ("f1_before_2026", _F1_OLD))
    ]
    points: list[tuple[str, OperatingPoint | None]] = [("this, frozen point", evaluation.point)]
    for published in PUBLISHED:
        if published.sensitivity is not None and published.fa_per_24h is not None:
            best = evaluation.at_rate(published.fa_per_24h)
            points.append((f"this, best at ≤ {published.fa_per_24h:g}", best))
    own += [_of_point(name, data, point) for name, point in points]
    own += [
        Figure("this", data, f"AUROC, {ranking.unit}", _NO_F1, auroc=ranking.auroc)
        for ranking in evaluation.rankings
    ]
    return tuple(own)


def published_table(evaluation: Evaluation, corpus_note: str) -> str:
    """This detector's figures above the published ones."""
    rows = []
    for figure in (*beside_published(evaluation, corpus_note), *PUBLISHED):
        rows.append(
            [
                figure.detector,
                figure.data,
                figure.scorer,
                "" if figure.f1 is None else number(figure.f1),
                figure.f1_definition,
                "" if figure.sensitivity is None else percent(figure.sensitivity),
                "" if figure.fa_per_24h is None else number(figure.fa_per_24h, 2),
                "" if figure.auroc is None else number(figure.auroc),
            ]
        )
    header = [
        "detector", "data", "scorer", "F1", "F1 definition", "sensitivity", "FA/24h", "AUROC",
    ]  # fmt: skip
    return table(header, rows, n_text=3) + (
        "\n\nOnly figures of the same recordings, scorer and definition of F1 can be compared; "
        "those of other data say what is usual there."
    )


def _of_point(name: str, data: str, point: OperatingPoint | None) -> Figure:
    if point is None:
        return Figure(f"{name} (not reachable)", data, _OVLP, _NO_F1)
    return Figure(
        name, data, _OVLP, _NO_F1, sensitivity=point.sensitivity, fa_per_24h=point.fa_per_24h
    )
