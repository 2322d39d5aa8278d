"""Text that EDF+ and BDF+ files carry beside their signals: record times and annotations.

Source: Kemp and Olivan 2003, "European data format 'plus'", section 2.2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seizure.eeg.annotation import AnnotationError
from seizure.eeg.edf_bytes import opened
from seizure.eeg.edf_header import EdfHeader, audit_header
from seizure.eeg.edf_signal import EdfSignal
from seizure.eeg.recording import UnreadableRecording

_BLOCK_BYTES = 1 << 23
_GAP_S = 0.01
_ONSET = re.compile(rb"([+-][0-9]+(?:\.[0-9]*)?)(?:\x15[0-9.]*)?\x14")
# One time-stamped list: onset, duration if there is one, then texts, each ended by 0x14.
_LIST = re.compile(
    rb"(?P<onset>[+-][0-9]+(?:\.[0-9]*)?)(?:\x15(?P<duration>[0-9]+(?:\.[0-9]*)?))?\x14"
    rb"(?P<texts>(?:[^\x14]*\x14)*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class EdfAnnotation:
    """One remark: `onset_s` from the first sample, `duration_s` None where none is stated."""

    onset_s: float
    duration_s: float | None
    text: str


def read_annotations(path: str | Path) -> tuple[EdfAnnotation, ...]:
    """Every annotation of an EDF+ or BDF+ file, sorted by onset; none in a plain file.

    Raises:
        UnreadableRecording: the header or the file is faulty.
        AnnotationError: names the record whose annotations cannot be understood.
    """
    header = audit_header(path)
    found: list[EdfAnnotation] = []
    first_s = 0.0
    for number, signal in enumerate(header.annotation_signals):
        for record, content in enumerate(_contents(header, signal)):
            for place, chunk in enumerate(c for c in content.split(b"\0") if c):
                match = _LIST.fullmatch(chunk)
                if match is None:
                    raise AnnotationError(
                        f"{header.path}: found {chunk[:40]!r} among the annotations of record "
                        f"{record}, expected an onset like +12.5 and texts"
                    )
                onset_s = float(match["onset"])
                if number == record == place == 0:
                    first_s = (
                        onset_s  # the first sample may come a part of a second after the start
                    )
                duration_s = None if match["duration"] is None else float(match["duration"])
                texts = (_decoded(text) for text in match["texts"].split(b"\x14"))
                found += [EdfAnnotation(onset_s - first_s, duration_s, t) for t in texts if t]
    return tuple(sorted(found, key=lambda annotation: annotation.onset_s))


def refuse_gaps(header: EdfHeader) -> None:
    """Raise where the records of an EDF+ file do not follow each other without a pause.

    The time at the start of each record also confirms the layout of the file.

    Raises:
        UnreadableRecording: a gap, or a record without a readable time.
    """
    if not header.is_plus:
        return
    onsets_s = _record_onsets_s(header)
    if onsets_s is None:
        if header.is_discontinuous:
            raise UnreadableRecording(
                header.path, "EDF+D without readable record times, so gaps cannot be excluded; "
                "convert it to EDF+C",
            )  # fmt: skip
        return
    expected_s = onsets_s[0] + header.record_s * np.arange(len(onsets_s))
    late = np.flatnonzero(~(np.abs(onsets_s - expected_s) <= _GAP_S))
    if len(late):
        record = int(late[0])
        raise UnreadableRecording(
            header.path,
            f"gap before record {record}: it starts at {onsets_s[record]:g} s, expected "
            f"{expected_s[record]:g} s; split the file at its gaps",
        )


def _record_onsets_s(header: EdfHeader) -> np.ndarray | None:
    """The start of each record, None if the file keeps no times at all."""
    if not header.annotation_signals:
        return None
    onsets_s = np.empty(header.n_records)
    unreadable: bytes | None = None
    n_empty = 0
    for record, content in enumerate(_contents(header, header.annotation_signals[0])):
        match = _ONSET.match(content)
        if match is not None:
            onsets_s[record] = float(match[1])
        elif content.strip(b"\0"):
            unreadable = unreadable or content
        else:
            n_empty += 1
    if n_empty == header.n_records:
        return None
    if unreadable is not None or n_empty:
        found = f"{unreadable[:20]!r}" if unreadable is not None else "nothing"
        raise UnreadableRecording(
            header.path,
            f"found {found} where a record should state its time, expected an onset like +12: the "
            "layout in the header is wrong, or the data are damaged",
        )
    return onsets_s


def _contents(header: EdfHeader, signal: EdfSignal) -> Iterator[bytes]:
    """What one annotation signal holds in each record."""
    first = header.sample_bytes * signal.first_sample
    stop = first + header.sample_bytes * signal.samples_per_record
    n_block = max(1, _BLOCK_BYTES // header.record_bytes)
    with opened(header.path) as file:
        file.seek(header.header_bytes)
        for start in range(0, header.n_records, n_block):
            n_records = min(n_block, header.n_records - start)
            block = file.read(n_records * header.record_bytes)
            for record in range(n_records):
                place = record * header.record_bytes
                yield block[place + first : place + stop]


def _decoded(text: bytes) -> str:
    """UTF-8 as the standard asks, Latin-1 where a program did not care."""
    try:
        return text.decode("utf-8").strip()
    except UnicodeDecodeError:
        return text.decode("latin-1").strip()
