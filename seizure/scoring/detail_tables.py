"""The report's tables of where the figures come from: kinds, patients, causes, probabilities."""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from seizure.scoring.breakdown import Share, by_patient, onset_latency_s
from seizure.scoring.cells import number, percent, table
from seizure.scoring.evaluation import Evaluation

# A longer list of patients is in scores.json.
SHOWN_PATIENTS = 40


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
        for row in patients[:SHOWN_PATIENTS]
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


def cause_table(causes: Sequence[tuple[str, int]]) -> str:
    """False alarms by what the corpus knows to be under most of each."""
    if not causes:
        return "There is no false alarm."
    total = sum(n for _, n in causes)
    rows = [[cause, str(n), percent(n / total)] for cause, n in causes]
    return table(["under the false alarm", "false alarms", "share"], rows)


def ranking_table(evaluation: Evaluation) -> str:
    """AUROC and AUPRC, each with its unit; the AUPRC of chance is the share of seizure."""
    rows = [
        [
            ranking.unit,
            str(ranking.n),
            percent(ranking.seizure_share),
            number(ranking.auroc),
            number(ranking.auprc),
        ]
        for ranking in evaluation.rankings
    ]
    return table(["unit", "n", "share of seizure", "AUROC", "AUPRC (average precision)"], rows)


def calibration_table(evaluation: Evaluation) -> str:
    """Brier score and expected calibration errors, as they are and after the temperature."""
    rows = [
        [
            found.unit,
            "as they are" if found.temperature == 1 else f"temperature {found.temperature:.3f}",
            str(found.n),
            percent(found.seizure_share),
            number(found.brier, 4),
            number(found.equal_width.ece, 4),
            number(found.equal_mass.ece, 4),
        ]
        for found in evaluation.calibrations
    ]
    header = [
        "unit", "probabilities", "n", "share of seizure", "Brier", "ECE, equal width",
        "ECE, equal mass",
    ]  # fmt: skip
    return table(header, rows, n_text=2)


def temperature_sentence(evaluation: Evaluation) -> str:
    """What temperature scaling does here, and what it is not used for."""
    frames = [c for c in evaluation.calibrations if c.unit == evaluation.calibrations[0].unit]
    if evaluation.temperature is None:
        return "No temperature is kept with this detector, so there is no scaling to show."
    before, after = frames[0], frames[-1]
    effect = "less" if after.equal_width.ece < before.equal_width.ece else "more"
    return (
        f"Log-odds divided by {evaluation.temperature:.3f}, fitted on frames of "
        f"{evaluation.choice.chosen_on}, are off by {effect} on {evaluation.split} "
        f"(ECE {before.equal_width.ece:.4f} before, {after.equal_width.ece:.4f} after; Brier "
        f"{before.brier:.4f} before, {after.brier:.4f} after). "
        "The temperature is stated, not applied: tracks, events, their confidence and the "
        "threshold are those of the probabilities as they are. It keeps the order of frames, and "
        "so AUROC and AUPRC per frame."
    )
