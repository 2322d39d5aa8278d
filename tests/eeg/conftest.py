"""EDF files made byte by byte, so that a test can break any one of their fields."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

ELECTRODES = (
    "FP1", "FP2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2",
    "F7", "F8", "T3", "T4", "T5", "T6", "FZ", "CZ", "PZ",
)  # fmt: skip


@dataclass(frozen=True)
class EdfSketch:
    """A sound EDF file until fields are replaced; per-signal fields may be one text or a list."""

    labels: tuple[str, ...] = tuple(f"EEG {name}-REF" for name in ELECTRODES)
    n_records: int = 4
    samples_per_record: int | tuple[int, ...] = 250
    seed: int = 0
    version: bytes = b"0"
    start_date: str = "01.01.85"
    start_time: str = "00.00.00"
    header_bytes: str | None = None
    reserved: str = ""
    announced_records: str | None = None
    record_s: str = "1"
    n_signals: str | None = None
    unit: str | list[str] = "uV"
    physical_min: str | list[str] = "-3276.8"
    physical_max: str | list[str] = "3276.7"
    digital_min: str | list[str] = "-32768"
    digital_max: str | list[str] = "32767"
    record_tails: list[bytes] = field(default_factory=list)

    def samples(self) -> tuple[int, ...]:
        n = self.samples_per_record
        return (n,) * len(self.labels) if isinstance(n, int) else n

    def digital(self) -> list[np.ndarray]:
        """Per signal `(record, sample)` int16."""
        rng = np.random.default_rng(self.seed)
        return [
            rng.integers(-1000, 1000, (self.n_records, n)).astype("<i2") for n in self.samples()
        ]

    def microvolts(self, electrode: str) -> np.ndarray:
        """What the file holds for one electrode with the default calibration, 0.1 µV a step."""
        place = [label.upper() for label in self.labels].index(f"EEG {electrode.upper()}-REF")
        return self.digital()[place].ravel() * 0.1

    def to_bytes(self) -> bytes:
        n = len(self.labels)

        def per_signal(value: object, width: int) -> bytes:
            values = value if isinstance(value, list | tuple) else [value] * n
            return b"".join(str(v).encode("latin-1").ljust(width)[:width] for v in values)

        fixed = [
            (self.version, 8), (b"X X X X", 80), (b"Startdate X X X X", 80),
            (self.start_date.encode(), 8), (self.start_time.encode(), 8),
            (str(256 * (n + 1) if self.header_bytes is None else self.header_bytes).encode(), 8),
            (self.reserved.encode(), 44),
            (str(self.n_records if self.announced_records is None
                 else self.announced_records).encode(), 8),
            (self.record_s.encode(), 8), (str(n if self.n_signals is None
                                              else self.n_signals).encode(), 4),
        ]  # fmt: skip
        header = b"".join(text.ljust(width)[:width] for text, width in fixed)
        header += per_signal(list(self.labels), 16) + per_signal("", 80) + per_signal(self.unit, 8)
        header += per_signal(self.physical_min, 8) + per_signal(self.physical_max, 8)
        header += per_signal(self.digital_min, 8) + per_signal(self.digital_max, 8)
        header += per_signal("", 80) + per_signal(list(self.samples()), 8) + per_signal("", 32)
        digital = self.digital()
        records = []
        for record in range(self.n_records):
            tail = self.record_tails[record] if self.record_tails else b""
            body = [d[record].tobytes() for d in digital]
            if tail:
                body[-1] = tail.ljust(2 * self.samples()[-1], b"\0")
            records.append(b"".join(body))
        return header + b"".join(records)


@pytest.fixture(scope="session")
def sketch() -> Callable[..., EdfSketch]:
    """A sound EDF file, with the named fields replaced."""
    return lambda **changes: replace(EdfSketch(), **changes)


@pytest.fixture
def edf_file(tmp_path: Path) -> Callable[..., Path]:
    """The path of an EDF file of the given bytes or sketch."""

    def write(content: bytes | EdfSketch) -> Path:
        path = tmp_path / "recording.edf"
        path.write_bytes(content if isinstance(content, bytes) else content.to_bytes())
        return path

    return write


@pytest.fixture(scope="session")
def shared_folder(request: pytest.FixtureRequest) -> Path:
    """The folder beside the project with real EEG; skips where there is none."""
    folder = request.config.rootpath.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"real EEG is not here: {folder / 'data'} does not exist")
    return folder
