"""Seizures in PhysioNet's binary annotation files, such as CHB-MIT's `.seizures`.

Source: WFDB Applications Guide, annot(5), "MIT format": pairs of bytes, a code in the upper 6 bits
and an interval in the lower 10; `[` (32) starts an event and `]` (33) ends it.
"""

import re
from pathlib import Path

from seizure.eeg.annotation import AnnotationError, Event

_START, _STOP, _SKIP, _NUM, _SUB, _CHN, _AUX = 32, 33, 59, 60, 61, 62, 63
_RESOLUTION = re.compile(r"## time resolution: (\d+(?:\.\d+)?)")


def read_wfdb_seizures(path: str | Path) -> tuple[Event, ...]:
    """The seizures of a binary annotation file, sorted as they are in it.

    Raises:
        AnnotationError: names the file and what is not as expected.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise AnnotationError(f"{path}: no such file") from error
    marks, texts = _marks(path, content)
    stated = [match for match in map(_RESOLUTION.search, texts) if match]
    if not stated:
        raise AnnotationError(
            f"{path}: found no time resolution, expected a note like '## time resolution: 256'"
        )
    rate_hz = float(stated[0][1])
    codes = [code for code, _ in marks]
    if codes != [_START, _STOP] * (len(codes) // 2):
        raise AnnotationError(
            f"{path}: found {codes.count(_START)} starts and {codes.count(_STOP)} ends in the "
            "wrong order, expected them in turn"
        )
    samples = [sample for _, sample in marks]
    try:
        return tuple(
            Event(start / rate_hz, stop / rate_hz)
            for start, stop in zip(samples[::2], samples[1::2], strict=True)
        )
    except (ValueError, ZeroDivisionError) as error:
        raise AnnotationError(f"{path}: {error}") from error


def _marks(path: Path, content: bytes) -> tuple[list[tuple[int, int]], list[str]]:
    """(code, sample) of each start and end, and every text."""
    marks: list[tuple[int, int]] = []
    texts: list[str] = []
    sample = place = 0
    while place + 2 <= len(content):
        word = int.from_bytes(content[place : place + 2], "little")
        code, interval = word >> 10, word & 0x3FF
        place += 2
        if word == 0:
            return marks, texts
        if code == _SKIP:
            # 32 bits in the order of a PDP-11: the upper half comes first.
            high = int.from_bytes(content[place : place + 2], "little", signed=True)
            sample += (high << 16) + int.from_bytes(content[place + 2 : place + 4], "little")
            place += 4
        elif code == _AUX:
            texts.append(content[place : place + interval].decode("latin-1"))
            place += interval + interval % 2
        elif code not in (_NUM, _SUB, _CHN):
            sample += interval
            if code in (_START, _STOP):
                marks.append((code, sample))
    raise AnnotationError(f"{path}: found no end mark, the file is cut off; copy it again")
