"""The report of one evaluation: a Markdown page with its plots and scores beside it.

Every rate stands with the hours of EEG, the number of seizures and the raw counts behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from seizure.events.export import write_atomically
from seizure.scoring.curve import OperatingPoint
from seizure.scoring.evaluation import REPORTED_RATES, Evaluation
from seizure.scoring.plots import plot_curves, plot_reliability
from seizure.scoring.scores import write_scores
from seizure.scoring.tables import (
    ablation_table,
    drift_table,
    event_table,
    frame_table,
    latency_sentence,
    number,
    patient_table,
    percent,
    rate_table,
    settings_sentence,
    share_table,
    szcore_table,
)


def write_report(
    folder: str | Path,
    evaluation: Evaluation,
    corpus_note: str,
    notes: Sequence[str] = (),
    figures: Mapping[str, str] | None = None,
) -> Path:
    """Write `report.md`, `scores.json`, `curve.png` and `reliability.png`; returns `report.md`.

    `corpus_note` says what was scored ("TUSZ v2.0.3", "synthetic EEG") and stands in the title
    and with the numbers; `notes` are printed first, such as recordings that could not be read;
    `figures` are further PNGs already in the folder, caption by file name.
    """
    folder = Path(folder)
    write_scores(folder / "scores.json", evaluation.scores)
    title = f"{evaluation.split}, {corpus_note}"
    plot_curves(
        folder / "curve.png",
        (("NEDC OVLP", evaluation.ovlp_curve), ("SzCORE event", evaluation.szcore_curve)),
        (
            (f"chosen on {evaluation.choice.chosen_on} (OVLP)", evaluation.choice.point),
            (f"applied to {evaluation.split} (OVLP)", evaluation.point),
        ),
        title,
    )
    frames = evaluation.frames
    plot_reliability(
        folder / "reliability.png",
        frames.equal_width,
        frames.equal_mass,
        frames.seizure_share,
        title,
    )
    text = "\n\n".join(_sections(evaluation, corpus_note, notes, figures or {}))
    return write_atomically(folder / "report.md", text + "\n")


def headline(evaluation: Evaluation, corpus_note: str) -> tuple[str, ...]:
    """The result in a few plain lines, for a terminal or a log."""
    total = evaluation.scores["total"]
    point, szcore = evaluation.point, total["szcore"]["event"]
    lines = [
        f"{evaluation.split} ({corpus_note}): {total['n_recordings']} recordings, "
        f"{total['n_subjects']} patients, {total['hours']:.2f} h, seizures: {point.n_reference}",
        f"operating point from {evaluation.choice.chosen_on}: NEDC OVLP sensitivity "
        f"{percent(point.sensitivity)} at {point.fa_per_24h:.2f} FA/24h "
        f"({point.tp} of {point.n_reference} found, {_false_alarms(point)})",
        f"SzCORE event: mean F1 {number(szcore['mean']['f1_2026'])} over patients "
        f"(before 2026: {number(szcore['mean']['f1_before_2026'])}), "
        f"{number(szcore['mean']['fa_per_24h'])} FA/24h",
    ]
    for rate in REPORTED_RATES:
        lines.append(f"sensitivity at {rate:g} FA/24h: {_reached(evaluation.at_rate(rate))}")
    return tuple(lines)


def _sections(
    evaluation: Evaluation,
    corpus_note: str,
    notes: Sequence[str],
    figures: Mapping[str, str],
) -> Iterable[str]:
    total = evaluation.scores["total"]
    scored = (
        f"{corpus_note}: {total['n_recordings']} recordings of {total['n_subjects']} patients, "
        f"{total['hours']:.2f} h of EEG, seizures: {evaluation.point.n_reference}"
    )
    yield f"# Seizure detection on {evaluation.split}: {corpus_note}"
    if notes:
        yield "\n".join(f"- {note}" for note in notes)
    yield settings_sentence(evaluation)
    yield "## Headline"
    yield f"Scored: {scored}."
    yield event_table(evaluation)
    yield szcore_table(evaluation)
    yield f"## Operating point: from {evaluation.choice.chosen_on} to {evaluation.split}"
    yield drift_table(evaluation)
    yield "## Sensitivity at a rate of false alarms"
    yield (
        f"Best of all thresholds on {evaluation.split} itself ({corpus_note}), as the field "
        "reports it: this looks at the answers, the headline does not."
    )
    yield rate_table(evaluation)
    yield f"![Sensitivity against false alarms per 24 h, {corpus_note}](curve.png)"
    for name, caption in figures.items():
        yield f"![{caption}]({name})"
    yield "## By seizure type"
    yield share_table(evaluation.by_type, "type")
    yield "## By duration"
    yield share_table(evaluation.by_duration, "duration")
    yield latency_sentence(evaluation)
    yield "## By patient"
    yield patient_table(evaluation)
    yield "## Probabilities"
    yield frame_table(evaluation)
    yield f"![Reliability, {corpus_note}](reliability.png)"
    yield "## Steps of post-processing left out"
    yield ablation_table(evaluation)
    yield "## How it was counted"
    yield _METHOD


_METHOD = """\
- NEDC figures are of the label `seiz`, as nedc_eeg_eval 6.0.0 counts. TAES counts fractions, and \
its TP + FN need not be the number of seizures. Epoch counts quarter seconds, and its false-alarm \
rate is seconds in 24 h. DP ignores time, and its false positives are insertions only.
- False alarms per 24 h divide by all EEG, seizures included, pooled over recordings.
- SzCORE figures are of timescoring 0.0.7. Events closer than 90 s are merged and those over \
300 s cut before counting, so its number of seizures differs from NEDC's. F1 (2026) gives 0 to a \
patient without detections, or with false alarms and no seizure; F1 (before 2026) skips such \
patients, as papers up to 2025 do.
- Intervals are 95 % percentiles of 2000 draws of whole patients."""


def _reached(point: OperatingPoint | None) -> str:
    if point is None:
        return "not reachable"
    return f"{percent(point.sensitivity)} ({_false_alarms(point)})"


def _false_alarms(point: OperatingPoint) -> str:
    return f"{point.fp} false alarm{'' if point.fp == 1 else 's'}"
