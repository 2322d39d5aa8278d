"""The header of an EDF file, audited field by field before anything believes it."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seizure.eeg.recording import UnreadableRecording

ANNOTATIONS_LABEL = "EDF Annotations"

_FIXED_BYTES = 256
# (name, width) of the per-signal fields, in the order of the file. Source: Kemp et al. 1992.
_SIGNAL_FIELDS = (
    ("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8),
    ("digital_min", 8), ("digital_max", 8), ("prefilter", 80), ("samples", 8), ("reserved", 32),
)  # fmt: skip
# The micro sign comes as Latin-1, as UTF-8 read as Latin-1, and as the Greek letter.
_MICROVOLT_UNITS = ("uv", "µv", "μv", "â\xb5v", "î¼v", "microv", "mcv")
_UV_PER_UNIT = {"nV": 1e-3, "mV": 1e3, "mv": 1e3, "V": 1e6}
# A smaller span cannot hold scalp EEG and a larger one no amplifier has: the unit is wrong.
_PLAUSIBLE_SPAN_UV = (10.0, 1e6)


@dataclass(frozen=True, slots=True)
class EdfSignal:
    """One signal: where it lies in a data record, and how its numbers become µV.

    `microvolts = digital * gain_uv + offset_uv`, unless `fault` says why there is no such relation.
    """

    label: str
    samples_per_record: int
    first_sample: int
    digital_min: int = 0
    digital_max: int = 0
    gain_uv: float = 0.0
    offset_uv: float = 0.0
    fault: str | None = None
    issue: str | None = None


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """A header whose sizes agree with the file; `n_records` counts the complete ones present."""

    path: Path
    header_bytes: int
    n_records: int
    record_s: float
    signals: tuple[EdfSignal, ...]
    is_discontinuous: bool = False
    is_plus: bool = False
    is_truncated: bool = False
    start: datetime | None = None
    issues: tuple[str, ...] = ()

    @property
    def record_samples(self) -> int:
        """Samples of all signals in one data record."""
        return sum(signal.samples_per_record for signal in self.signals)


def audit_header(path: str | Path) -> EdfHeader:
    """The header of an EDF or EDF+ file, once its sizes agree with each other and with the file.

    Patient fields are not looked at, and a start that is no date is no start. A signal without a
    usable calibration carries its `fault`: the reader refuses it only if it needs it.

    Raises:
        UnreadableRecording: the layout of the data cannot be known for certain.
    """
    path = Path(path)
    try:
        n_file_bytes = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(_FIXED_BYTES)
            _check_format(path, fixed)
            n_signals = _count(path, "number of signals", fixed[252:256])
            per_signal = file.read(_FIXED_BYTES * n_signals)
    except OSError as error:
        raise UnreadableRecording(path, f"cannot be opened ({error.strerror})") from error
    header_bytes = _FIXED_BYTES * (1 + n_signals)
    if len(per_signal) < _FIXED_BYTES * n_signals:
        raise UnreadableRecording(
            path,
            f"truncated header: found {n_file_bytes} bytes, expected at least {header_bytes} for "
            f"{n_signals} signals; copy the file again",
        )
    issues: list[str] = []
    record_s, note = _number(fixed[244:252])
    issues += [f"record duration: {note}"] if note else []
    if record_s is None or record_s <= 0:
        raise UnreadableRecording(
            path,
            f"found a record duration of {_text(fixed[244:252])!r} s, expected a positive number; "
            "without it the sampling rate is unknown",
        )
    signals = _signals(path, per_signal, n_signals)
    record_bytes = 2 * sum(signal.samples_per_record for signal in signals)
    n_records = _n_records(path, fixed, header_bytes, n_file_bytes, record_bytes, issues)
    reserved = _text(fixed[192:236])
    return EdfHeader(
        path=path,
        header_bytes=header_bytes,
        n_records=n_records,
        record_s=record_s,
        signals=signals,
        is_discontinuous=reserved.startswith("EDF+D"),
        is_plus=reserved.startswith("EDF+"),
        is_truncated=n_records < (_integer(fixed[236:244]) or 0),
        start=_start(fixed),
        issues=tuple(issues),
    )


def _start(fixed: bytes) -> datetime | None:
    """Start of the recording in local time; None where the header holds no valid one."""
    try:
        start = datetime.strptime(_text(fixed[168:184]), "%d.%m.%y%H.%M.%S")  # noqa: DTZ007
    except ValueError:
        return None
    # EDF's two-digit years run from 1985 to 2084, Python's from 1969 to 2068.
    return start.replace(year=start.year + 100) if start.year < 1985 else start


def _check_format(path: Path, fixed: bytes) -> None:
    if fixed[:2] == b"\x1f\x8b":
        raise UnreadableRecording(path, "gzip-compressed; unpack it first: gunzip FILE")
    if fixed[:1] == b"\xff":
        raise UnreadableRecording(path, "BDF (24 bits), expected EDF; convert it to EDF first")
    if _text(fixed[:8]) != "0":
        raise UnreadableRecording(
            path, f"not an EDF file: found {fixed[:8]!r} at its start, expected b'0       '"
        )
    if len(fixed) < _FIXED_BYTES:
        raise UnreadableRecording(
            path, f"truncated header: found {len(fixed)} bytes, expected at least {_FIXED_BYTES}"
        )


def _signals(path: Path, per_signal: bytes, n_signals: int) -> tuple[EdfSignal, ...]:
    fields: dict[str, list[bytes]] = {}
    position = 0
    for name, width in _SIGNAL_FIELDS:
        fields[name] = [
            per_signal[position + i * width : position + (i + 1) * width] for i in range(n_signals)
        ]
        position += n_signals * width
    signals: list[EdfSignal] = []
    first_sample = 0
    for i in range(n_signals):
        label = _text(fields["label"][i])
        n_samples = _count(path, f"samples per record of {label!r}", fields["samples"][i])
        signals.append(
            _calibrated(label, n_samples, first_sample, {k: v[i] for k, v in fields.items()})
        )
        first_sample += n_samples
    return tuple(signals)


def _calibrated(
    label: str, n_samples: int, first_sample: int, fields: dict[str, bytes]
) -> EdfSignal:
    """The signal with its gain, or with the reason why it has none."""

    def faulty(fault: str) -> EdfSignal:
        return EdfSignal(label, n_samples, first_sample, fault=f"{label}: {fault}")

    names = ("physical_min", "physical_max", "digital_min", "digital_max")
    parsed = [_number(fields[name]) for name in names]
    for name, (value, _) in zip(names, parsed, strict=True):
        if value is None:
            return faulty(f"found {name} {_text(fields[name])!r}, expected a number")
    physical_min, physical_max, digital_min, digital_max = (value or 0.0 for value, _ in parsed)
    if physical_min == physical_max:
        return faulty(f"physical minimum = maximum = {physical_min:g}, so it has no gain")
    if not -32768 <= digital_min < digital_max <= 32767:
        return faulty(
            f"found a digital range of {digital_min:g} to {digital_max:g}, "
            "expected minimum < maximum within 16 bits"
        )
    unit = _text(fields["unit"])
    uv_per_unit = 1.0 if unit.lower() in _MICROVOLT_UNITS else _UV_PER_UNIT.get(unit)
    if uv_per_unit is None:
        return faulty(f"found unit {unit!r}, expected uV, mV, nV or V")
    span_uv = abs(physical_max - physical_min) * uv_per_unit
    if not _PLAUSIBLE_SPAN_UV[0] <= span_uv <= _PLAUSIBLE_SPAN_UV[1]:
        return faulty(
            f"found a physical range of {physical_min:g} to {physical_max:g} {unit}, which no EEG "
            "amplifier has; the unit is probably wrong"
        )
    gain_uv = (physical_max - physical_min) * uv_per_unit / (digital_max - digital_min)
    notes = [f"{name}: {note}" for name, (_, note) in zip(names, parsed, strict=True) if note]
    if gain_uv < 0:
        notes.append("physical minimum above maximum, read as inverted polarity")
    return EdfSignal(
        label,
        n_samples,
        first_sample,
        digital_min=int(digital_min),
        digital_max=int(digital_max),
        gain_uv=gain_uv,
        offset_uv=physical_min * uv_per_unit - digital_min * gain_uv,
        issue=f"{label}: {', '.join(notes)}" if notes else None,
    )


def _n_records(
    path: Path,
    fixed: bytes,
    header_bytes: int,
    n_file_bytes: int,
    record_bytes: int,
    issues: list[str],
) -> int:
    """How many complete records there are; every disagreement is an issue or a refusal."""
    n_data_bytes = n_file_bytes - header_bytes
    n_present, n_left_over = divmod(n_data_bytes, record_bytes)
    stated = _integer(fixed[236:244])
    said_header_bytes = _integer(fixed[184:192])
    if said_header_bytes != header_bytes:
        if stated != n_present or n_left_over:
            raise UnreadableRecording(
                path,
                f"found header_bytes {_text(fixed[184:192])!r}, expected {header_bytes} from the "
                "number of signals, and the size of the file does not settle which is right",
            )
        issues.append(f"header_bytes was {_text(fixed[184:192])!r}, used {header_bytes}")
    if n_present < 1:
        raise UnreadableRecording(
            path, f"no complete data record: found {n_data_bytes} bytes after the header, "
            f"expected {record_bytes} for each record",
        )  # fmt: skip
    if stated is None or stated < 1:
        issues.append(
            f"number of records was {_text(fixed[236:244])!r}, the file holds {n_present}"
        )
        return n_present
    if n_present < stated:
        issues.append(f"truncated: {stated} records announced, {n_present} complete ones present")
        return n_present
    if n_data_bytes > stated * record_bytes:
        n_extra = n_data_bytes - stated * record_bytes
        if n_left_over:
            raise UnreadableRecording(
                path,
                f"found {n_extra} bytes more than the announced {stated} records of {record_bytes} "
                "bytes, and not a whole number of records: the layout in the header is wrong",
            )
        issues.append(f"{n_present} records present, only the announced {stated} read")
    return stated


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0\t\r\n")


def _integer(field: bytes) -> int | None:
    text = _text(field)
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def _number(field: bytes) -> tuple[float | None, str | None]:
    """The number of a field, and what had to be read leniently; None where it is no number."""
    text = _text(field)
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return float(text), None
    if re.fullmatch(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?", text):
        return float(text.replace(",", ".")), f"decimal comma in {text!r}"
    return None, None


def _count(path: Path, name: str, field: bytes) -> int:
    value = _integer(field)
    if value is None or value < 1:
        raise UnreadableRecording(
            path, f"found {name} {_text(field)!r}, expected a whole number of at least 1"
        )
    return value
