"""The report of one evaluation: a Markdown page with its plots beside it, and one HTML file.

Every rate stands with the hours of EEG, the number of seizures and the raw counts behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from seizure.events.export import write_atomically
from seizure.scoring.breakdown import by_patient, onset_latency_s
from seizure.scoring.cells import number, percent
from seizure.scoring.curve import OperatingPoint, write_curves
from seizure.scoring.detail_tables import (
    SHOWN_PATIENTS,
    calibration_table,
    cause_table,
    latency_sentence,
    patient_table,
    ranking_table,
    share_table,
    temperature_sentence,
)
from seizure.scoring.evaluation import REPORTED_RATES, Evaluation
from seizure.scoring.html import as_html
from seizure.scoring.plots import plot_curves, plot_latency, plot_patients, plot_reliability
from seizure.scoring.published import published_table
from seizure.scoring.scores import write_scores
from seizure.scoring.tables import (
    ablation_table,
    comparison_table,
    drift_table,
    event_table,
    headline_table,
    rate_table,
    settings_sentence,
    szcore_table,
    unseen_sentence,
)


def write_report(
    folder: str | Path,
    evaluation: Evaluation,
    corpus_note: str,
    notes: Sequence[str] = (),
    figures: Mapping[str, Mapping[str, str]] | None = None,
) -> Path:
    """Write `report.md`, `report.html`, `scores.json`, `curve.csv` and plots; returns the HTML.

    `corpus_note` says what was scored ("TUSZ v2.0.3", "synthetic EEG") and stands in the title
    and with the numbers; `notes` come after the headline, such as recordings that could not be
    read; `figures` are further PNGs already in the folder: by section, the caption by file name.
    """
    folder = Path(folder)
    write_scores(folder / "scores.json", evaluation.scores)
    write_curves(folder / "curve.csv", (evaluation.ovlp_curve, evaluation.szcore_curve))
    _draw(folder, evaluation, f"{evaluation.split}, {corpus_note}")
    sections = _sections(evaluation, corpus_note, notes, figures or {})
    text = "\n\n".join(sections) + "\n"
    write_atomically(folder / "report.md", text)
    return write_atomically(folder / "report.html", as_html(text, folder))


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


def _draw(folder: Path, evaluation: Evaluation, title: str) -> None:
    choice, comparison = evaluation.choice, evaluation.comparison
    curves = [("NEDC OVLP", evaluation.ovlp_curve), ("SzCORE event", evaluation.szcore_curve)]
    points = [
        (f"chosen on {choice.chosen_on} (OVLP)", choice.point),
        (f"applied to {evaluation.split} (OVLP)", evaluation.point),
    ]
    if comparison is not None:
        curves.append((f"{comparison.name}, NEDC OVLP", comparison.curve))
    plot_curves(folder / "curve.png", curves, points, title)
    frames = [c for c in evaluation.calibrations if c.unit == evaluation.calibrations[0].unit]
    lines = [("equal width", frames[0].equal_width), ("equal mass", frames[0].equal_mass)]
    if len(frames) > 1:
        name = f"temperature {frames[1].temperature:.2f}"
        lines.append((f"equal width, {name}", frames[1].equal_width))
    plot_reliability(folder / "reliability.png", lines, frames[0].seizure_share, title)
    plot_patients(folder / "patients.png", by_patient(evaluation.pairs)[:SHOWN_PATIENTS], title)
    latency_s = onset_latency_s(evaluation.pairs)
    if latency_s.size:
        plot_latency(folder / "latency.png", latency_s, title)


def _sections(
    evaluation: Evaluation,
    corpus_note: str,
    notes: Sequence[str],
    figures: Mapping[str, Mapping[str, str]],
) -> Iterable[str]:
    total, split = evaluation.scores["total"], evaluation.split
    yield f"# Seizure detection on {split}: {corpus_note}"
    yield (
        f"Scored: {corpus_note}: {total['n_recordings']} recordings of {total['n_subjects']} "
        f"patients, {total['hours']:.2f} h of EEG, seizures: {evaluation.point.n_reference}."
    )
    yield "## Headline"
    yield headline_table(evaluation)
    if (unseen := unseen_sentence(evaluation)) is not None:
        yield unseen
    yield settings_sentence(evaluation)
    if notes:
        yield "\n".join(f"- {note}" for note in notes)
    if evaluation.comparison is not None:
        comparison = evaluation.comparison
        yield f"## Compared with {comparison.name}"
        yield (
            "Both detectors on the same recordings, each at its own frozen operating point "
            f"(`{evaluation.choice.fingerprint}` and `{comparison.choice.fingerprint}`). A "
            "difference whose interval holds zero may be chance."
        )
        yield comparison_table(evaluation, comparison)
    yield "## Sensitivity and false alarms"
    yield _image("curve.png", f"Sensitivity against false alarms per 24 h, {corpus_note}.")
    yield (
        f"Best of all thresholds on {split} itself ({corpus_note}), as the field "
        "reports it: this looks at the answers, the headline does not."
    )
    yield rate_table(evaluation)
    yield "Every point of the curves is in `curve.csv`."
    yield f"## Operating point: from {evaluation.choice.chosen_on} to {split}"
    yield drift_table(evaluation)
    yield "## All scorers"
    yield event_table(evaluation)
    yield szcore_table(evaluation)
    yield from _breakdown(evaluation, corpus_note)
    for section, pictures in figures.items():
        yield f"## {section}"
        for name, caption in pictures.items():
            yield _image(name, caption)
    yield "## Probabilities"
    yield ranking_table(evaluation)
    yield calibration_table(evaluation)
    yield temperature_sentence(evaluation)
    yield _image("reliability.png", f"Reliability of frames, {corpus_note}.")
    yield "## Steps of post-processing left out"
    yield ablation_table(evaluation)
    yield "## Beside published figures"
    yield published_table(evaluation, corpus_note)
    yield "## How it was counted"
    yield _METHOD


def _breakdown(evaluation: Evaluation, corpus_note: str) -> Iterable[str]:
    yield "## By patient"
    yield _image("patients.png", f"Seizures found and false alarms of each patient, {corpus_note}.")
    yield patient_table(evaluation)
    yield "## By seizure type"
    yield share_table(evaluation.by_type, "type")
    yield "## By duration"
    yield share_table(evaluation.by_duration, "duration")
    yield "## Onset latency"
    yield latency_sentence(evaluation)
    if evaluation.point.tp:
        yield _image("latency.png", f"Onset latency, {corpus_note}; early detections in green.")
    if evaluation.causes is not None:
        yield "## False alarms by cause"
        yield cause_table(evaluation.causes)


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


def _image(name: str, caption: str) -> str:
    return f"![{caption}]({name})"


def _reached(point: OperatingPoint | None) -> str:
    if point is None:
        return "not reachable"
    return f"{percent(point.sensitivity)} ({_false_alarms(point)})"


def _false_alarms(point: OperatingPoint) -> str:
    return f"{point.fp} false alarm{'' if point.fp == 1 else 's'}"
