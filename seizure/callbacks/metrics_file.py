"""The run's `metrics.csv`: one file through all sittings of a run."""

import csv
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter


class _ContinuingWriter(ExperimentWriter):
    """Lightning's writer, which deletes what a folder holds, made to go on with it.

    A new column rewrites the file in one step; a kill can only tear the last row.
    """

    def _check_log_dir_exists(self) -> None:
        path = Path(self.metrics_file_path)
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                self.metrics_keys = next(csv.reader(file), [])

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        path = Path(self.metrics_file_path)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        _write(path, fieldnames, rows)


class MetricsFile(CSVLogger):
    """Writes `metrics.csv` into a run's folder and continues it when the run continues."""

    def __init__(self, folder: Path, flush_every_n_steps: int) -> None:
        super().__init__(folder, name="", version="", flush_logs_every_n_steps=flush_every_n_steps)
        self._writer: _ContinuingWriter | None = None

    @property
    def experiment(self) -> Any:
        """The writer behind the logger."""
        if self._writer is None:
            self._writer = _ContinuingWriter(log_dir=self.log_dir)
            self._experiment = self._writer
        return self._writer

    def log_hyperparams(self, params: Any = None) -> None:
        """Nothing: the run's `config.yaml` holds them already."""


def drop_rows_from(path: Path, step: int) -> None:
    """Remove the rows of steps that a continued run takes again, and one that a kill cut off."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        lines = file.readlines()
    if lines and not lines[-1].endswith("\n"):
        del lines[-1]
    reader = csv.DictReader(lines)
    _write(path, list(reader.fieldnames or []), [row for row in reader if int(row["step"]) < step])


def _write(path: Path, header: list[str], rows: list[dict[str, Any]]) -> None:
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=header)
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)
