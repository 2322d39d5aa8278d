"""The header of an EDF file, audited field by field before anything believes it."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from seizure.eeg.edf_bytes import count_bytes, opened
from seizure.eeg.edf_records import count_records
from seizure.eeg.edf_signal import EdfSignal, calibrated, integer_of, number_of, text_of
from seizure.eeg.recording import UnreadableRecording

_FIXED_BYTES = 256
_BDF = b"\xffBIOSEMI"
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
# (name, width) of the per-signal fields, in the order of the file. Source: Kemp et al. 1992.
_SIGNAL_FIELDS = (
    ("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8),
    ("digital_min", 8), ("digital_max", 8), ("prefilter", 80), ("samples", 8), ("reserved", 32),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """A header whose sizes agree with the file; `n_records` counts the complete ones present.

    `sample_bytes` is 2 in EDF and 3 in BDF.
    """

    path: Path
    header_bytes: int
    n_records: int
    record_s: float
    signals: tuple[EdfSignal, ...]
    sample_bytes: int = 2
    is_discontinuous: bool = False
    is_plus: bool = False
    is_truncated: bool = False
    start: datetime | None = None
    issues: tuple[str, ...] = ()

    @property
    def record_samples(self) -> int:
        """Samples of all signals in one data record."""
        return sum(signal.samples_per_record for signal in self.signals)

    @property
    def record_bytes(self) -> int:
        """Bytes of one data record."""
        return self.sample_bytes * self.record_samples

    @property
    def annotation_signals(self) -> tuple[EdfSignal, ...]:
        """The signals of an EDF+ or BDF+ file that hold text instead of samples."""
        return tuple(s for s in self.signals if self.is_plus and s.label in _ANNOTATIONS)


def audit_header(path: str | Path) -> EdfHeader:
    """The header of an EDF, EDF+, BDF or BDF+ file, once it agrees with the size of the file.

    The file may be gzip-compressed. Patient fields are not looked at, and a start that is no date
    is no start. A signal without a usable calibration carries its `fault`: the reader refuses it
    only if it needs it.

    Raises:
        UnreadableRecording: the layout of the data cannot be known for certain.
    """
    path = Path(path)
    with opened(path) as file:
        fixed = file.read(_FIXED_BYTES)
        sample_bytes = _sample_bytes(path, fixed)
        n_signals = _count(path, "number of signals", fixed[252:256])
        per_signal = file.read(_FIXED_BYTES * n_signals)
    n_file_bytes = count_bytes(path)
    header_bytes = _FIXED_BYTES * (1 + n_signals)
    if len(per_signal) < _FIXED_BYTES * n_signals:
        raise UnreadableRecording(
            path,
            f"truncated header: found {n_file_bytes} bytes, expected at least {header_bytes} for "
            f"{n_signals} signals; copy the file again",
        )
    record_s, note = number_of(fixed[244:252])
    issues = [f"record duration: {note}"] if note else []
    if record_s is None or record_s <= 0:
        raise UnreadableRecording(
            path,
            f"found a record duration of {text_of(fixed[244:252])!r} s, expected a positive "
            "number; without it the sampling rate is unknown",
        )
    signals = _signals(path, per_signal, n_signals, sample_bytes)
    n_announced = integer_of(fixed[236:244])
    n_data_bytes = n_file_bytes - header_bytes
    try:
        counted = count_records(
            n_announced, n_data_bytes, [s.samples_per_record for s in signals], sample_bytes
        )
    except ValueError as error:
        raise UnreadableRecording(path, str(error)) from error
    if counted.issue is not None:
        issues.append(counted.issue)
    reserved = text_of(fixed[192:236])
    header = EdfHeader(
        path=path,
        header_bytes=header_bytes,
        n_records=counted.n_records,
        record_s=record_s,
        signals=signals,
        sample_bytes=sample_bytes,
        is_discontinuous=reserved.startswith(("EDF+D", "BDF+D")),
        # Some programs write annotations and forget to say that they do.
        is_plus=reserved.startswith(("EDF+", "BDF+"))
        or any(s.label in _ANNOTATIONS for s in signals),
        is_truncated=counted.is_truncated,
        start=_start(fixed),
        issues=tuple(issues),
    )
    return _with_stated_length(header, fixed[184:192], n_announced, n_data_bytes)


def _with_stated_length(
    header: EdfHeader, field: bytes, n_announced: int | None, n_data_bytes: int
) -> EdfHeader:
    """The header, if the length it states for itself is right or provably the only thing wrong."""
    stated = text_of(field)
    if integer_of(field) == header.header_bytes:
        return header
    if n_announced is None or n_data_bytes != n_announced * header.record_bytes:
        raise UnreadableRecording(
            header.path,
            f"found header_bytes {stated!r}, expected {header.header_bytes} from the number of "
            "signals, and the size of the file does not settle which is right",
        )
    issue = f"header_bytes was {stated!r}, used {header.header_bytes}"
    return replace(header, issues=(*header.issues, issue))


def _start(fixed: bytes) -> datetime | None:
    """Start of the recording in local time; None where the header holds no valid one."""
    try:
        start = datetime.strptime(text_of(fixed[168:184]), "%d.%m.%y%H.%M.%S")
    except ValueError:
        return None
    # EDF's two-digit years run from 1985 to 2084, Python's from 1969 to 2068.
    return start.replace(year=start.year + 100) if start.year < 1985 else start


def _sample_bytes(path: Path, fixed: bytes) -> int:
    """Bytes per sample, by what the file says it is."""
    is_bdf = fixed[:8] == _BDF
    if not is_bdf and text_of(fixed[:8]) != "0":
        raise UnreadableRecording(
            path,
            f"not an EDF or BDF file: found {fixed[:8]!r} at its start, expected b'0       ' or "
            f"{_BDF!r}",
        )
    if len(fixed) < _FIXED_BYTES:
        raise UnreadableRecording(
            path, f"truncated header: found {len(fixed)} bytes, expected at least {_FIXED_BYTES}"
        )
    return 3 if is_bdf else 2


def _signals(
    path: Path, per_signal: bytes, n_signals: int, sample_bytes: int
) -> tuple[EdfSignal, ...]:
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
        label = text_of(fields["label"][i])
        n_samples = _count(path, f"samples per record of {label!r}", fields["samples"][i])
        texts = {name: values[i] for name, values in fields.items()}
        signals.append(calibrated(label, n_samples, first_sample, 8 * sample_bytes, texts))
        first_sample += n_samples
    return tuple(signals)


def _count(path: Path, name: str, field: bytes) -> int:
    value = integer_of(field)
    if value is None or value < 1:
        raise UnreadableRecording(
            path, f"found {name} {text_of(field)!r}, expected a whole number of at least 1"
        )
    return value
