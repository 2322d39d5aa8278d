"""Seizures, annotated or detected, as half-open intervals in seconds, and the files of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Seizure types of TUSZ; a label's place is its code in the cache, so new ones go at the end.
SEIZURE_TYPES = (
    "seiz", "fnsz", "gnsz", "spsz", "cpsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz", "nesz",
)  # fmt: skip

_COLUMNS = ("channel", "start_time", "stop_time", "label", "confidence")

# Annotations are written to 0.1 ms; real files end up to this much after their stated duration.
_SLACK_S = 1.0


class AnnotationError(ValueError):
    """An annotation file that does not say clearly when the seizures are."""


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One seizure, annotated or detected: `[start_s, stop_s)` from the start of the recording.

    `label` is `seiz` or a seizure type of TUSZ (`fnsz`, `absz`, ...); `confidence` is in [0, 1].

    >>> Event(12.0, 50.5).duration_s
    38.5
    """

    start_s: float
    stop_s: float
    label: str = "seiz"
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.stop_s:
            raise ValueError(
                f"an event must start at or after 0 s and stop after it starts, "
                f"found [{self.start_s}, {self.stop_s})"
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.stop_s - self.start_s

    def overlap_s(self, other: "Event") -> float:
        """Seconds shared with another event, 0 where they do not touch.

        >>> Event(0.0, 10.0).overlap_s(Event(8.0, 20.0))
        2.0
        """
        return max(0.0, min(self.stop_s, other.stop_s) - max(self.start_s, other.start_s))


@dataclass(frozen=True, slots=True)
class CsvBi:
    """What a `.csv_bi` file says: its seizures, sorted by start, and the length it covers."""

    events: tuple[Event, ...]
    duration_s: float
    recording_name: str


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    channel: str
    event: Event


def read_csv_bi(path: str | Path) -> CsvBi:
    """The seizures of a binary annotation file of TUSZ or NEDC; overlapping ones stay as they are.

    Raises:
        AnnotationError: names the file, the line, what was found and what was expected.
    """
    path = Path(path)
    fields, rows = _read(path, ("seiz", "bckg"))
    if not rows:
        raise AnnotationError(
            f"{path}: no annotation row, expected at least one seiz or bckg row; "
            "the file is cut off: copy it again"
        )
    duration_s = _duration_s(path, fields)
    for row in rows:
        if row.channel != "TERM":
            raise _fault(path, row.line, f"channel {row.channel!r}", "TERM, as in every .csv_bi")
        if row.event.stop_s > duration_s + _SLACK_S:
            raise _fault(
                path, row.line, f"an event that stops at {row.event.stop_s} s",
                f"at most the duration in the header, {duration_s} s",
            )  # fmt: skip
    events = sorted(row.event for row in rows if row.event.label != "bckg")
    return CsvBi(tuple(events), duration_s, fields.get("bname", path.stem))


def read_csv(path: str | Path) -> tuple[Event, ...]:
    """The typed seizures of a per-channel annotation file of TUSZ, merged over channels per type.

    Sorted by start; seizures of different types may overlap.

    Raises:
        AnnotationError: names the file, the line, what was found and what was expected.
    """
    _, rows = _read(Path(path), (*SEIZURE_TYPES, "bckg"))
    events = [row.event for row in rows if row.event.label != "bckg"]
    labels = sorted({event.label for event in events})
    return tuple(
        sorted(m for label in labels for m in merge_events(e for e in events if e.label == label))
    )


def merge_events(events: Iterable[Event]) -> Iterator[Event]:
    """Events joined where they overlap or touch; the label is the first's, the confidence the best.

    >>> list(merge_events([Event(5.0, 9.0), Event(0.0, 5.0)]))
    [Event(start_s=0.0, stop_s=9.0, label='seiz', confidence=1.0)]
    """
    current: Event | None = None
    for event in sorted(events):
        if current is not None and event.start_s <= current.stop_s:
            current = Event(
                current.start_s,
                max(current.stop_s, event.stop_s),
                current.label,
                max(current.confidence, event.confidence),
            )
            continue
        if current is not None:
            yield current
        current = event
    if current is not None:
        yield current


def _fault(path: Path, line: int, found: str, expected: str) -> AnnotationError:
    return AnnotationError(f"{path}, line {line}: found {found}, expected {expected}")


def _read(path: Path, labels: tuple[str, ...]) -> tuple[dict[str, str], list[_Row]]:
    """The `# key = value` fields and the rows of a TUSZ annotation file."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise AnnotationError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: found bytes that are not text, expected CSV") from error
    fields: dict[str, str] = {}
    rows: list[_Row] = []
    has_columns = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            fields[key.strip()] = value.strip()
        elif not has_columns:
            if tuple(cell.strip() for cell in line.split(",")) != _COLUMNS:
                raise _fault(path, number, repr(line[:80]), f"the columns {','.join(_COLUMNS)}")
            has_columns = True
        else:
            rows.append(_parse_row(path, number, line, labels))
    if not has_columns:
        raise _fault(path, len(lines) + 1, "the end of the file", f"columns {','.join(_COLUMNS)}")
    return fields, rows


def _parse_row(path: Path, number: int, line: str, labels: tuple[str, ...]) -> _Row:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(_COLUMNS):
        raise _fault(path, number, f"{len(cells)} fields", f"{len(_COLUMNS)}: {','.join(_COLUMNS)}")
    channel, *times, label, confidence = cells
    if label not in labels:
        raise _fault(path, number, f"label {label!r}", f"one of {', '.join(labels)}")
    try:
        start_s, stop_s, certainty = (float(cell) for cell in (*times, confidence))
    except ValueError:
        raise _fault(
            path, number, repr(line[:80]), "numbers in start_time, stop_time and confidence"
        ) from None
    if not (0 <= start_s < stop_s < math.inf and 0 <= certainty <= 1):
        raise _fault(
            path, number, f"[{start_s}, {stop_s}) with confidence {certainty}",
            "0 <= start < stop and a confidence in [0, 1]",
        )  # fmt: skip
    return _Row(number, channel, Event(start_s, stop_s, label, certainty))


def _duration_s(path: Path, fields: dict[str, str]) -> float:
    text = fields.get("duration")
    try:
        duration_s = float((text or "").removesuffix("secs"))
    except ValueError:
        duration_s = math.nan
    if not 0 < duration_s < math.inf:
        raise AnnotationError(
            f"{path}: found duration {text!r}, expected a line like '# duration = 301.0000 secs'"
        )
    return duration_s
