"""Events as files: TUSZ's csv_bi and SzCORE's TSV, each written whole or not at all."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from seizure.eeg.annotation import Event

# SzCORE asks for a date where a file may have none; the first day of EDF's calendar stands for it.
UNKNOWN_START = datetime(1985, 1, 1)
_CSV_COLUMNS = "channel,start_time,stop_time,label,confidence"
_TSV_COLUMNS = (
    "onset",
    "duration",
    "eventType",
    "confidence",
    "channels",
    "dateTime",
    "recordingDuration",
)
# Both formats keep four decimals here; an event may pass the end by half of the last one.
_SLACK_S = 1e-3


def write_csv_bi(path: str | Path, events: Sequence[Event], duration_s: float) -> Path:
    """Write a `.csv_bi` that covers the whole recording, background rows between seizures.

    A recording without a seizure is one single `bckg` row. Raises `ValueError` for events that
    overlap, touch, are out of order or pass the end.
    """
    path = Path(path)
    _check(path, events, duration_s)
    lines = [
        "# version = csv_v1.0.0",
        f"# bname = {path.stem}",
        f"# duration = {duration_s:.4f} secs",
        "# montage_file = nedc_eas_default_montage.txt",
        "#",
        _CSV_COLUMNS,
    ]
    end_s = 0.0
    for event in events:
        if f"{event.start_s:.4f}" != f"{end_s:.4f}":
            lines.append(_csv_row(end_s, event.start_s, "bckg", 1.0))
        end_s = min(event.stop_s, duration_s)
        lines.append(_csv_row(event.start_s, end_s, "seiz", event.confidence))
    if f"{end_s:.4f}" != f"{duration_s:.4f}":
        lines.append(_csv_row(end_s, duration_s, "bckg", 1.0))
    return write_atomically(path, "\n".join(lines) + "\n")


def write_tsv(
    path: str | Path, events: Sequence[Event], duration_s: float, start: datetime
) -> Path:
    """Write SzCORE's events table; `start` is when the recording began, or `UNKNOWN_START`.

    A recording without a seizure is one `bckg` row as long as the recording, never a header
    alone. Raises `ValueError` as `write_csv_bi` does.
    Source: SzCORE, annotation format (HED-SCORE BIDS events).
    """
    return write_atomically(path, tsv_of(events, duration_s, start, str(path)))


def tsv_of(events: Sequence[Event], duration_s: float, start: datetime, name: str = "TSV") -> str:
    """The text of SzCORE's events table; `name` is that of the file, for an error."""
    _check(name, events, duration_s)
    lines = ["\t".join(_TSV_COLUMNS)]
    rows = [(event.start_s, event.duration_s, "sz", f"{event.confidence:.4f}") for event in events]
    for onset_s, length_s, kind, confidence in rows or [(0.0, duration_s, "bckg", "n/a")]:
        fields = (
            f"{onset_s:.4f}",
            f"{length_s:.4f}",
            kind,
            confidence,
            "n/a",
            f"{start:%Y-%m-%d %H:%M:%S}",
            f"{duration_s:.4f}",
        )
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def write_atomically(path: str | Path, text: str) -> Path:
    """Write UTF-8 text so that a reader sees the old file or the new one, never a part."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # Names from the disk may hold what no UTF-8 can; spelt out, they stop no report.
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _csv_row(start_s: float, stop_s: float, label: str, confidence: float) -> str:
    return f"TERM,{start_s:.4f},{stop_s:.4f},{label},{confidence:.4f}"


def _check(path: Path | str, events: Sequence[Event], duration_s: float) -> None:
    if not 0 < duration_s < float("inf"):
        raise ValueError(f"{path}: a recording must last longer than 0 s, found {duration_s} s")
    end_s = -1.0
    for event in events:
        if event.start_s <= end_s:
            raise ValueError(
                f"{path}: the event from {event.start_s} s does not start after the one "
                f"before it, which ends at {end_s} s; sort and merge the events first"
            )
        end_s = event.stop_s
    if end_s > duration_s + _SLACK_S:
        raise ValueError(
            f"{path}: an event ends at {end_s} s, after the recording, which lasts {duration_s} s"
        )
