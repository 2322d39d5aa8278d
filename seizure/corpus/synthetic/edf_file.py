"""EDF+C written in pieces: 1 s data records, ±4999.85 µV over ±32767."""

from pathlib import Path

import numpy as np

from seizure.corpus.synthetic.recording import SimulatedRecording

DIGITAL_MAX = 32767
PHYSICAL_MAX_UV = 4999.85
QUANTUM_UV = PHYSICAL_MAX_UV / DIGITAL_MAX
_ANNOTATION_SAMPLES = 8
ONE_RECORD_S = 1
RECORDS_AT_ONCE = 300


def write_edf(path: Path, recording: SimulatedRecording) -> None:
    """Write `recording` to `path` in one step: a reader never sees half a file.

    Source: Kemp & Olivan 2003, Clin Neurophysiol 114:1755 (EDF+, continuous).
    """
    n_records = recording.signal_uv.shape[1] // recording.rate_hz
    labels = [*recording.channel_labels, *(label for label, _ in recording.slow_channels)]
    widths = [recording.rate_hz] * len(recording.channel_labels) + [1] * len(
        recording.slow_channels
    )
    signals = [*recording.signal_uv, *(course for _, course in recording.slow_channels)]
    header = _header(n_records, labels, widths)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(header)
        for first in range(0, n_records, RECORDS_AT_ONCE):
            records = _records(signals, widths, first, min(first + RECORDS_AT_ONCE, n_records))
            file.write(records.data)  # numpy's `tofile` would not say why a disk takes no more
    temporary.replace(path)


def _records(signals: list[np.ndarray], widths: list[int], first: int, last: int) -> np.ndarray:
    """Data records `[first, last)`, (record, sample of all channels) little-endian int16."""
    samples = np.empty((last - first, sum(widths) + _ANNOTATION_SAMPLES), dtype="<i2")
    column = 0
    for signal_uv, width in zip(signals, widths, strict=True):
        scaled = signal_uv[first * width : last * width] * np.float32(1.0 / QUANTUM_UV)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -DIGITAL_MAX, DIGITAL_MAX, out=scaled)
        samples[:, column : column + width] = scaled.reshape(last - first, width)
        column += width
    samples[:, column:] = _record_starts(first, last)
    return samples


def _record_starts(first: int, last: int) -> np.ndarray:
    """The time-keeping annotation of every record, (record, sample) little-endian int16."""
    size = 2 * _ANNOTATION_SAMPLES
    stamps = b"".join((b"+%d\x14\x14" % i).ljust(size, b"\x00") for i in range(first, last))
    return np.frombuffer(stamps, dtype="<i2").reshape(last - first, _ANNOTATION_SAMPLES)


def _header(n_records: int, labels: list[str], widths: list[int]) -> bytes:
    n_signals = len(labels) + 1
    is_signal = [True] * len(labels) + [False]

    def column(width: int, of_signal: list[str], of_annotation: str) -> str:
        return "".join(text.ljust(width) for text in [*of_signal, of_annotation])

    def same(text: str) -> list[str]:
        return [text for signal in is_signal if signal]

    fixed = (
        "0".ljust(8) + "X X X X".ljust(80) + "Startdate 01-JAN-2010 X X X".ljust(80)
        + "01.01.10" + "00.00.00" + str(256 * (1 + n_signals)).ljust(8) + "EDF+C".ljust(44)
        + str(n_records).ljust(8) + str(ONE_RECORD_S).ljust(8) + str(n_signals).ljust(4)
    )  # fmt: skip
    per_signal = (
        column(16, labels, "EDF Annotations")
        + column(80, same("synthetic"), "")
        + column(8, same("uV"), "")
        + column(8, same(f"-{PHYSICAL_MAX_UV}"), "-1")
        + column(8, same(f"{PHYSICAL_MAX_UV}"), "1")
        + column(8, same(f"-{DIGITAL_MAX}"), "-32768")
        + column(8, same(f"{DIGITAL_MAX}"), "32767")
        + column(80, same(""), "")
        + column(8, [str(width) for width in widths], str(_ANNOTATION_SAMPLES))
        + column(32, same(""), "")
    )
    return (fixed + per_signal).encode("ascii")
