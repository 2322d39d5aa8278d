"""TUSZ's annotation files and the side file with the truth of every event and confounder."""

import json
from dataclasses import asdict
from pathlib import Path

from seizure.corpus.synthetic.recording import SimulatedRecording
from seizure.corpus.synthetic.scene import TruthEvent

TCP_PAIRS = (
    *("FP1-F7", "F7-T3", "T3-T5", "T5-O1", "FP2-F8", "F8-T4", "T4-T6", "T6-O2"),
    *("A1-T3", "T3-C3", "C3-CZ", "CZ-C4", "C4-T4", "T4-A2"),
    *("FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4", "F4-C4", "C4-P4", "P4-O2"),
)
GENERALISED = ("absz", "gnsz", "tcsz")
_BESIDE = {"FZ": ("F3", "F4"), "PZ": ("P3", "P4"), "A1": ("T3",), "A2": ("T4",)}
"""For electrodes that no pair of a montage holds: those where their activity is seen next."""


def write_text(path: Path, text: str) -> None:
    """Write a small file in one step, by renaming a finished temporary."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


def write_csv_bi(path: Path, recording: SimulatedRecording) -> None:
    """Write `TERM` rows: only seizures, or a single background row where there are none."""
    rows = [_row("TERM", event.start_s, event.stop_s, "seiz") for event in recording.events]
    rows = rows or [_row("TERM", 0.0, recording.duration_s, "bckg")]
    write_text(path, _heading(recording) + "".join(rows))


def write_csv(path: Path, recording: SimulatedRecording) -> None:
    """Write the seizure types per channel of the TCP montage: the involved pairs, or all."""
    pairs = TCP_PAIRS
    if recording.montage == "03_tcp_ar_a":
        pairs = tuple(pair for pair in pairs if "A1" not in pair and "A2" not in pair)
    seizures = [event for event in recording.truth if event.origin == "seizure"]
    involved = [
        pairs if event.label in GENERALISED else _involved(pairs, seizure)
        for event, seizure in zip(recording.events, seizures, strict=True)
    ]
    rows = [
        _row(pair, event.start_s, event.stop_s, event.label)
        for pair in pairs
        for event, seen_in in zip(recording.events, involved, strict=True)
        if pair in seen_in
    ]
    rows = rows or [_row(pair, 0.0, recording.duration_s, "bckg") for pair in pairs]
    write_text(path, _heading(recording) + "".join(rows))


def write_truth(path: Path, recording: SimulatedRecording) -> None:
    """Write every seizure and confounder as JSON in order of start, and the vigilance between."""
    content = {
        "made_by": "synthetic EEG generator",
        "duration_s": recording.duration_s,
        "events": [asdict(event) for event in recording.truth],
        "vigilance": [list(stretch) for stretch in recording.vigilance],
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_truth(path: Path) -> tuple[TruthEvent, ...]:
    """The seizures and confounders of a recording from its `.truth.json`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        TruthEvent(**{**event, "electrodes": tuple(event["electrodes"])})
        for event in content["events"]
    )


def _involved(pairs: tuple[str, ...], seizure: TruthEvent) -> tuple[str, ...]:
    """The pairs of a seizure's electrodes; of their neighbours where no pair holds any of them."""
    electrodes = {electrode.upper() for electrode in seizure.electrodes}
    beside = {other for electrode in electrodes for other in _BESIDE.get(electrode, ())}
    for seen in (electrodes, beside):
        found = tuple(pair for pair in pairs if seen & set(pair.split("-")))
        if found:
            return found
    raise ValueError(f"a seizure at {', '.join(seizure.electrodes) or 'no electrode'} has no pair")


def _heading(recording: SimulatedRecording) -> str:
    return (
        "# version = csv_v1.0.0\n"
        f"# bname = {recording.planned.stem}\n"
        f"# duration = {recording.duration_s:.4f} secs\n"
        f"# montage_file = nedc_eas_{recording.montage}_montage.txt\n"
        "#\n"
        "channel,start_time,stop_time,label,confidence\n"
    )


def _row(channel: str, start_s: float, stop_s: float, label: str) -> str:
    return f"{channel},{start_s:.4f},{stop_s:.4f},{label},1.0000\n"
