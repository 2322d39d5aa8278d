"""Seizures in BIDS events tables, with the types that HED-SCORE and SzCORE name.

Source: BIDS 1.9, task events; Dan et al. 2024, "SzCORE: seizure community open-source research
evaluation framework", annotation format.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from seizure.eeg.annotation import AnnotationError, Event

_TYPE_COLUMNS = ("eventType", "trial_type")
_UNKNOWN = ("", "n/a")
# The beginnings of SzCORE's types with the type of TUSZ that says the same; the longest counts.
# Its own conversion of TUSZ writes a myoclonic seizure as sz_gen_nm_myoclonic.
_TUSZ_TYPES = {
    "sz": "seiz",
    "sz_foc": "fnsz",
    "sz_foc_a": "spsz",
    "sz_foc_ia": "cpsz",
    "sz_foc_f2b": "tcsz",
    "sz_gen": "gnsz",
    "sz_gen_m_tonic": "tnsz",
    "sz_gen_m_clonic": "cnsz",
    "sz_gen_m_tonicClonic": "tcsz",
    "sz_gen_m_myoTC": "tcsz",
    "sz_gen_m_atonic": "atsz",
    "sz_gen_nm": "absz",
    "sz_gen_nm_myoclonic": "mysz",
    "sz_uo_m_tonicClonic": "tcsz",
}
_PLAIN = ("seiz", "seizure")


@dataclass(frozen=True, slots=True)
class EventsTable:
    """What an events table says: its seizures, sorted by start, and the recording's length.

    `duration_s` is None where there is no column `recordingDuration`, which only SzCORE asks for.
    """

    events: tuple[Event, ...]
    duration_s: float | None


def tusz_type(event_type: str) -> str | None:
    """The type of TUSZ for one of SzCORE's, `seiz` for a plain seizure, None for anything else.

    >>> tusz_type("sz_foc_ia_nm"), tusz_type("sz_gen_m_tonicClonic"), tusz_type("bckg")
    ('cpsz', 'tcsz', None)
    """
    if event_type.lower() in _PLAIN:
        return "seiz"
    parts = event_type.rstrip(":").split("_")
    for n_parts in range(len(parts), 0, -1):
        known = _TUSZ_TYPES.get("_".join(parts[:n_parts]))
        if known is not None:
            return known
    return None


def read_events_tsv(path: str | Path) -> tuple[Event, ...]:
    """The seizures of a BIDS `*_events.tsv`, sorted by start. Raises as `read_events_table`."""
    return read_events_table(path).events


def read_events_table(path: str | Path) -> EventsTable:
    """The seizures of a BIDS `*_events.tsv`, and how long the recording is where it says so.

    Rows of other types than seizures are left; a table without a seizure must hold a `bckg` row,
    as SzCORE writes it, so that a table of something else is not taken for silence.

    Raises:
        AnnotationError: names the file, the line, what was found and what was expected.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise AnnotationError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: found bytes that are not text, expected TSV") from error
    columns = [cell.strip() for cell in lines[0].split("\t")] if lines else []
    type_column = next((name for name in _TYPE_COLUMNS if name in columns), None)
    if type_column is None or not {"onset", "duration"} <= set(columns):
        raise AnnotationError(
            f"{path}, line 1: found columns {', '.join(columns) or 'none'}, expected onset, "
            "duration and eventType, with tabs between them"
        )
    events: list[Event] = []
    stated: set[float] = set()
    says_background = False
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != len(columns):
            raise AnnotationError(
                f"{path}, line {number}: found {len(cells)} fields, expected {len(columns)}"
            )
        row = dict(zip(columns, cells, strict=True))
        label = tusz_type(row[type_column])
        says_background |= row[type_column] == "bckg"
        if row.get("recordingDuration", "n/a") not in _UNKNOWN:
            stated.add(_duration_s(path, number, row["recordingDuration"]))
        if label is not None:
            events.append(_event(path, number, row, label))
    if not events and not says_background:
        raise AnnotationError(
            f"{path}: found neither a seizure (sz…) nor a bckg row, so it says nothing about "
            "seizures; expected one bckg row for a recording without any"
        )
    if len(stated) > 1:
        raise AnnotationError(
            f"{path}: found {len(stated)} values in recordingDuration, "
            f"{', '.join(f'{value:g}' for value in sorted(stated))}, expected one"
        )
    return EventsTable(tuple(sorted(events)), stated.pop() if stated else None)


def _duration_s(path: Path, number: int, text: str) -> float:
    try:
        duration_s = float(text)
    except ValueError:
        duration_s = math.nan
    if not 0 < duration_s < math.inf:
        raise AnnotationError(
            f"{path}, line {number}: found recordingDuration {text!r}, expected seconds above 0"
        )
    return duration_s


def _event(path: Path, number: int, row: dict[str, str], label: str) -> Event:
    try:
        onset_s, duration_s = float(row["onset"]), float(row["duration"])
        stated = row.get("confidence", "n/a")
        confidence = 1.0 if stated in _UNKNOWN else float(stated)
    except ValueError:
        raise AnnotationError(
            f"{path}, line {number}: found onset {row['onset']!r}, duration {row['duration']!r}, "
            f"confidence {row.get('confidence')!r}, expected numbers"
        ) from None
    stop_s = onset_s + duration_s
    if not (0 <= onset_s < stop_s < math.inf and 0 <= confidence <= 1):
        raise AnnotationError(
            f"{path}, line {number}: found a seizure at {onset_s} s for {duration_s} s with "
            f"confidence {confidence}, expected onset >= 0, duration > 0, confidence in [0, 1]"
        )
    return Event(onset_s, stop_s, label, confidence)
