"""The report's tables and sentences as Markdown; an undefined figure says so."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from math import isfinite

import numpy as np

from seizure.scoring.breakdown import Share, by_patient, onset_latency_s
from seizure.scoring.curve import Curve, OperatingPoint, sensitivity_at
from seizure.scoring.evaluation import REPORTED_RATES, Evaluation

_SHOWN_PATIENTS = 40


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
    """The four NEDC scorers at the operating point."""
    total, intervals = evaluation.scores["total"], evaluation.intervals
    rows = []
    for name, unit in (
        ("ovlp", "events"), ("taes", "fractions"), ("epoch", "0.25 s"), ("dp", "labels")
    ):  # fmt: skip
        figures = total["nedc"][name]
        sensitivity, rate = percent(figures["sensitivity"]), number(figures["fa_per_24h"], 2)
        if name == "ovlp":
            low, high = intervals["ovlp_sensitivity"][1:]
            sensitivity += f" ({percent(low)} to {percent(high)})"
            low, high = intervals["ovlp_fa_per_24h"][1:]
            rate += f" ({number(low, 2)} to {number(high, 2)})"
        if name == "epoch":
            rate += " s"
        counts = [_count(figures[key]) for key in ("tp", "fn", "fp")]
        shares = [number(figures[key]) for key in ("precision", "f1")]
        rows.append([f"NEDC {name.upper()}", unit, sensitivity, rate, *shares, *counts])
    header = [
        "scorer", "counts", "sensitivity", "FA/24h", "precision", "F1",
        "found", "missed", "false alarms",
    ]  # fmt: skip
    return table(header, rows)


def szcore_table(evaluation: Evaluation) -> str:
    """SzCORE by event and by sample: mean over patients, and pooled, with both F1s."""
    rows = []
    for name, unit in (("event", ""), ("sample", " s")):
        pooled = evaluation.scores["total"]["szcore"][name]
        for label, mean, std in (
            ("mean over patients (SD)", pooled["mean"], pooled["std"]),
            ("pooled", pooled, None),
        ):
            cells = []
            for key, decimals in (
                ("f1_2026", 3), ("f1_before_2026", 3), ("sensitivity", 3), ("precision", 3),
                ("fa_per_24h", 2),
            ):  # fmt: skip
                spread = f" ({number(std[key], decimals)})" if std else ""
                cells.append(number(mean[key], decimals) + spread)
            cells[-1] += unit
            counts = (
                [_count(pooled[key]) for key in ("tp", "n_reference", "fp")]
                if std is None
                else [""] * 3
            )
            rows.append([f"SzCORE {name}", label, *cells, *counts])
    interval = evaluation.intervals["szcore_event_f1_2026"]
    header = [
        "scorer", "over", "F1 (2026)", "F1 (before 2026)", "sensitivity", "precision", "FA/24h",
        "found", "reference", "false alarms",
    ]  # fmt: skip
    return (
        table(header, rows)
        + f"\n\nMean event F1 (2026): {number(interval.value)}, 95 % over patients "
        + f"{number(interval.low)} to {number(interval.high)}."
    )


def drift_table(evaluation: Evaluation) -> str:
    """The same threshold where it was chosen and where it was applied."""
    choice, applied = evaluation.choice, evaluation.point
    rows = [
        [f"{choice.chosen_on} (chosen)", *_point_cells(choice.point)],
        [f"{evaluation.split} (applied)", *_point_cells(applied)],
    ]
    header = [
        "NEDC OVLP on", "threshold", "sensitivity", "FA/24h", "found", "seizures",
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
            cells += _rate_cells(curve, rate)
        rows.append(cells)
    header = [
        "FA/24h at most", "NEDC OVLP", "found", "false alarms", "threshold",
        "SzCORE event", "found", "false alarms", "threshold",
    ]  # fmt: skip
    floor = 24 / evaluation.ovlp_curve.hours
    return (
        table(header, rows)
        + f"\n\nIn {evaluation.ovlp_curve.hours:.2f} h one false alarm is {floor:.2f} per 24 h; "
        + "rates below that mean none at all."
    )


def share_table(shares: Sequence[Share], kind: str) -> str:
    """Seizures found by kind, under any overlap."""
    if not shares:
        return "No seizure is annotated."
    rows = [
        [
            share.kind,
            f"{share.n_found} of {share.n_reference}",
            percent(share.n_found / share.n_reference),
            f"{share.median_duration_s:.1f}",
        ]
        for share in shares
    ]
    return table([kind, "found", "sensitivity", "median duration (s)"], rows)


def latency_sentence(evaluation: Evaluation) -> str:
    """When found seizures were detected, early detections included."""
    latency_s = onset_latency_s(evaluation.pairs)
    if latency_s.size == 0:
        return "No seizure was found, so there is no onset latency."
    low, middle, high = np.quantile(latency_s, [0.25, 0.5, 0.75])
    return (
        f"Onset latency of the {latency_s.size} seizures found: median {middle:.1f} s, quartiles "
        f"{low:.1f} and {high:.1f} s, from {latency_s[0]:.1f} to {latency_s[-1]:.1f} s; "
        f"{int((latency_s < 0).sum())} were detected before their annotated start."
    )


def patient_table(evaluation: Evaluation) -> str:
    """Patients under NEDC OVLP, most false alarms first, and how unevenly they fall."""
    patients = by_patient(evaluation.pairs)
    rows = [
        [
            row.patient,
            f"{row.hours:.2f}",
            f"{row.n_found} of {row.n_reference}",
            percent(row.n_found / row.n_reference) if row.n_reference else "no seizure",
            str(row.n_false),
            f"{row.fa_per_24h:.2f}",
            percent(row.alarm_share),
        ]
        for row in patients[:_SHOWN_PATIENTS]
    ]
    header = [
        "patient", "hours", "found", "sensitivity", "false alarms", "FA/24h",
        "share of false alarms",
    ]  # fmt: skip
    worst = patients[: max(1, round(len(patients) / 10))]
    share = sum(row.alarm_share for row in worst)
    left = len(patients) - len(rows)
    more = f" {left} patients with fewer false alarms are in scores.json." if left else ""
    none = "There is no false alarm."
    uneven = (
        f"The worst tenth of the patients ({len(worst)} of {len(patients)}) has "
        f"{percent(share)} of the false alarms."
    )
    return table(header, rows) + "\n\n" + (uneven if isfinite(share) else none) + more


def frame_table(evaluation: Evaluation) -> str:
    """Ranking and calibration of frames, with their unit."""
    frames = evaluation.frames
    rows = [
        ["AUROC", number(frames.auroc)],
        ["AUPRC (average precision)", number(frames.auprc)],
        ["share of seizure, the AUPRC of chance", number(frames.seizure_share, 4)],
        ["ECE, 15 bins of equal width", number(frames.equal_width.ece, 4)],
        ["ECE, 15 bins of equal mass", number(frames.equal_mass.ece, 4)],
        ["Brier score", number(frames.brier, 4)],
    ]
    unit = f"per 1/{frames.rate_hz:g} s frame of the stitched track"
    return table([unit, f"{frames.n_frames} frames"], rows)


def ablation_table(evaluation: Evaluation) -> str:
    """NEDC OVLP at the same threshold with single steps left out."""
    rows = [
        [
            name,
            percent(counts.sensitivity),
            number(counts.fa_per_24h, 2),
            _count(counts.tp),
            _count(counts.fp),
        ]
        for name, counts in evaluation.ablation.items()
    ]
    return table(["NEDC OVLP with", "sensitivity", "FA/24h", "found", "false alarms"], rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells after the first are aligned right.

    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    | :--- | ---: |
    | x | 1 |
    """
    rule = [":---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def number(value: float | None, decimals: int = 3) -> str:
    """A figure with fixed decimals, or "undefined"."""
    return f"{value:.{decimals}f}" if value is not None and isfinite(value) else "undefined"


def percent(value: float | None) -> str:
    """A share in percent, or "undefined"."""
    return f"{100 * value:.1f} %" if value is not None and isfinite(value) else "undefined"


def _count(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} percentage points" if isfinite(difference) else "undefined"


def _point_cells(point: OperatingPoint) -> list[str]:
    return [
        f"{point.threshold:.4g}",
        percent(point.sensitivity),
        number(point.fa_per_24h, 2),
        str(point.tp),
        str(point.n_reference),
        str(point.fp),
        f"{point.hours:.2f}",
    ]


def _rate_cells(curve: Curve, rate: float) -> list[str]:
    point = sensitivity_at(curve, rate)
    if point is None:
        return ["not reachable", "", "", ""]
    found = f"{point.tp} of {point.n_reference}"
    return [percent(point.sensitivity), found, str(point.fp), f"{point.threshold:.4g}"]
