"""The report's tables of detection at the operating point, along the curve, and without steps."""

from dataclasses import fields
from math import isfinite

from seizure.scoring.cells import count, number, number_range, percent, percent_range, table
from seizure.scoring.comparison import Comparison
from seizure.scoring.counts import Counts
from seizure.scoring.curve import Curve, OperatingPoint, sensitivity_at
from seizure.scoring.evaluation import REPORTED_RATES, Evaluation

_UNITS = {"ovlp": "events", "taes": "fractions", "epoch": "0.25 s", "dp": "labels"}


def headline_table(evaluation: Evaluation) -> str:
    """The figures that are quoted, each with its interval and the raw counts behind it."""
    point, intervals = evaluation.point, evaluation.intervals
    szcore = evaluation.scores["total"]["szcore"]["event"]
    n_patients = evaluation.scores["total"]["n_subjects"]
    clips = evaluation.rankings[2]
    rows = [
        [
            "sensitivity, NEDC OVLP",
            percent(point.sensitivity),
            percent_range(intervals["ovlp_sensitivity"]),
            f"{point.tp} of {point.n_reference} seizures",
        ],
        [
            "false alarms per 24 h, NEDC OVLP",
            number(point.fa_per_24h, 2),
            number_range(intervals["ovlp_fa_per_24h"], 2),
            f"{point.fp} in {point.hours:.2f} h",
        ],
        [
            "F1 (2026), SzCORE event, mean over patients",
            number(szcore["mean"]["f1_2026"]),
            number_range(intervals["szcore_event_f1_2026"]),
            f"{n_patients} patients",
        ],
        ["share of time in alarm", percent(point.alarm_share), "", ""],
        [f"AUROC per {clips.unit}", number(clips.auroc), "", f"{clips.n} clips"],
    ]
    return table([f"on {evaluation.split}", "value", "95 % over patients", "counts"], rows)


def unseen_sentence(evaluation: Evaluation) -> str | None:
    """What a set without a false alarm leaves open, which no draw of its patients can show.

    Source: Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 1983.
    """
    point = evaluation.point
    if point.fp:
        return None
    return (
        f"No false alarm in {point.hours:.2f} h: draws of these patients hold none either, hence "
        f"the interval of zero. Up to {3 / point.hours * 24:.2f} per 24 h give none in as many "
        "hours by chance (95 %, rule of three)."
    )


def settings_sentence(evaluation: Evaluation) -> str:
    """The frozen settings, where they come from, and whether the target was reached there."""
    choice = evaluation.choice
    settings = ", ".join(
        f"{field.name} {getattr(choice.settings, field.name):.6g}"
        for field in fields(choice.settings)
    )
    met = (
        "at most"
        if choice.reached
        else "which no threshold reached there, so the one with fewest was taken; wanted:"
    )
    return (
        f"Operating point `{choice.fingerprint}`, chosen on {choice.chosen_on} for {met} "
        f"{choice.target_fa_per_24h:g} false alarms per 24 h and then frozen: {settings}. "
        f"Gaps below {choice.settings.merge_gap_s:g} s are merged before NEDC counts."
    )


def event_table(evaluation: Evaluation) -> str:
    """The four NEDC scorers at the operating point, with intervals, and with no gap merged."""
    rows = []
    for name, unit in _UNITS.items():
        figures = evaluation.scores["total"]["nedc"][name]
        ranges = (
            f" ({percent_range(evaluation.intervals[f'{name}_sensitivity'])})",
            f" ({number_range(evaluation.intervals[f'{name}_fa_per_24h'], 2)})",
        )
        rows.append([f"NEDC {name.upper()}", unit, *_event_cells(figures, name, ranges)])
    for name, unit in _UNITS.items():
        apart = _figures(evaluation.unmerged[name])
        label = f"{name.upper()}, gaps not merged"
        rows.append([label, unit, *_event_cells(apart, name, ("", ""))])
    header = [
        "scorer", "counts", "sensitivity", "FA/24h", "precision", "F1",
        "found", "missed", "false alarms",
    ]  # fmt: skip
    return table(header, rows, n_text=2)


def szcore_table(evaluation: Evaluation) -> str:
    """SzCORE by event and by sample: mean over patients, and pooled, with both F1s."""
    rows = []
    shown = (
        ("f1_2026", 3), ("f1_before_2026", 3), ("sensitivity", 3), ("precision", 3),
        ("fa_per_24h", 2),
    )  # fmt: skip
    for name, unit in (("event", ""), ("sample", " s")):
        pooled = evaluation.scores["total"]["szcore"][name]
        ranges = [
            number_range(evaluation.intervals[f"szcore_{name}_{key}"], decimals)
            for key, decimals in shown
        ]
        for label, cells, counts in (
            (
                "mean over patients",
                [number(pooled["mean"][key], decimals) for key, decimals in shown],
                [""] * 3,
            ),
            ("95 % of the mean", ranges, [""] * 3),
            (
                "SD over patients",
                [number(pooled["std"][key], decimals) for key, decimals in shown],
                [""] * 3,
            ),
            (
                "pooled",
                [number(pooled[key], decimals) for key, decimals in shown],
                [count(pooled[key]) for key in ("tp", "n_reference", "fp")],
            ),
        ):
            rows.append([f"SzCORE {name}", label, *cells[:-1], cells[-1] + unit, *counts])
    header = [
        "scorer", "over", "F1 (2026)", "F1 (before 2026)", "sensitivity", "precision", "FA/24h",
        "found", "reference", "false alarms",
    ]  # fmt: skip
    return table(header, rows, n_text=2)


def drift_table(evaluation: Evaluation) -> str:
    """The same threshold where it was chosen and where it was applied."""
    choice, applied = evaluation.choice, evaluation.point
    rows = [
        [f"{choice.chosen_on} (chosen)", *_point_cells(choice.point)],
        [f"{evaluation.split} (applied)", *_point_cells(applied)],
    ]
    header = [
        "NEDC OVLP on", "threshold", "sensitivity", "FA/24h", "time in alarm", "found", "seizures",
        "false alarms", "hours",
    ]  # fmt: skip
    factor = (
        f", {applied.fa_per_24h / choice.point.fa_per_24h:.2f} times as many"
        if choice.point.fa_per_24h > 0
        else ""
    )
    return (
        table(header, rows)
        + f"\n\nDrift: {applied.fa_per_24h - choice.point.fa_per_24h:+.2f} false alarms per 24 h"
        + f"{factor}; sensitivity {_points(applied.sensitivity - choice.point.sensitivity)}."
    )


def rate_table(evaluation: Evaluation) -> str:
    """Best sensitivity at 10, 5, 2.5 and 1 false alarms per 24 h, under both countings."""
    rows = []
    for rate in REPORTED_RATES:
        cells = [f"{rate:g}"]
        for curve in (evaluation.ovlp_curve, evaluation.szcore_curve):
            cells += _rate_cells(evaluation, curve, rate)
        rows.append(cells)
    header = [
        "FA/24h at most", "NEDC OVLP", "found", "false alarms", "threshold",
        "SzCORE event", "found", "false alarms", "threshold",
    ]  # fmt: skip
    floor = 24 / evaluation.ovlp_curve.hours
    return (
        table(header, rows)
        + f"\n\nIn {evaluation.ovlp_curve.hours:.2f} h one false alarm is {floor:.2f} per 24 h; "
        + "rates below that mean none at all. Intervals hold the threshold fixed."
    )


def comparison_table(evaluation: Evaluation, comparison: Comparison) -> str:
    """Both detectors at their own frozen operating points, and the paired differences."""
    rows = [
        [
            row.figure,
            number(row.this),
            number(row.other),
            f"{row.difference.value:+.3f}" if isfinite(row.difference.value) else "undefined",
            number_range(row.difference),
        ]
        for row in comparison.differences
    ]
    for rate in REPORTED_RATES:
        cells = []
        for curve in (evaluation.ovlp_curve, comparison.curve):
            point = sensitivity_at(curve, rate)
            cells.append("not reachable" if point is None else number(point.sensitivity))
        rows.append([f"best OVLP sensitivity at {rate:g} FA/24h", *cells, "", ""])
    header = ["figure", "this", comparison.name, "difference", "95 % over patients, paired"]
    return table(header, rows)


def ablation_table(evaluation: Evaluation) -> str:
    """NEDC OVLP at the same threshold with single steps left out, gaps merged and not."""
    rows = []
    for name, ablated in evaluation.ablation.items():
        cells = []
        for counts in ablated:
            cells += [percent(counts.sensitivity), number(counts.fa_per_24h, 2)]
            cells += [count(counts.tp), count(counts.fp)]
        rows.append([name, *cells])
    gap_s = evaluation.choice.settings.merge_gap_s
    header = [
        "NEDC OVLP with", f"sensitivity, gaps under {gap_s:g} s merged", "FA/24h", "found",
        "false alarms", "sensitivity, none merged", "FA/24h", "found", "false alarms",
    ]  # fmt: skip
    return table(header, rows)


def _figures(counts: Counts) -> dict[str, float]:
    names = ("sensitivity", "fa_per_24h", "precision", "f1", "tp", "fn", "fp")
    return {name: getattr(counts, name) for name in names}


def _event_cells(figures: dict[str, float], name: str, ranges: tuple[str, str]) -> list[str]:
    unit = " s" if name == "epoch" else ""
    return [
        percent(figures["sensitivity"]) + ranges[0],
        number(figures["fa_per_24h"], 2) + ranges[1] + unit,
        *(number(figures[key]) for key in ("precision", "f1")),
        *(count(figures[key]) for key in ("tp", "fn", "fp")),
    ]


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} percentage points" if isfinite(difference) else "undefined"


def _point_cells(point: OperatingPoint) -> list[str]:
    return [
        f"{point.threshold:.4g}",
        percent(point.sensitivity),
        number(point.fa_per_24h, 2),
        percent(point.alarm_share),
        str(point.tp),
        str(point.n_reference),
        str(point.fp),
        f"{point.hours:.2f}",
    ]


def _rate_cells(evaluation: Evaluation, curve: Curve, rate: float) -> list[str]:
    point = sensitivity_at(curve, rate)
    if point is None:
        return ["not reachable", "", "", ""]
    interval = evaluation.rate_intervals[curve.counting, rate]
    return [
        f"{percent(point.sensitivity)} ({percent_range(interval)})",
        f"{point.tp} of {point.n_reference}",
        str(point.fp),
        f"{point.threshold:.4g}",
    ]
