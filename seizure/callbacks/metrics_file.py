"""The run's `metrics.csv`: one file through all sittings of a run."""

import csv
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter


class _ContinuingWriter(ExperimentWriter):
    """Lightning's writer, which deletes what a folder holds, made to go on with it."""

    def _check_log_dir_exists(self) -> None:
        path = Path(self.metrics_file_path)
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                self.metrics_keys = next(csv.reader(file), [])


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

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """What a checkpoint has seen must be on disk with it."""
        self.save()


def drop_rows_from(path: Path, step: int) -> None:
    """Remove the rows of steps that a continued run will take again."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        header = list(reader.fieldnames or [])
        kept = [row for row in reader if int(row["step"]) < step]
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=header)
        writer.writeheader()
        writer.writerows(kept)
    temporary.replace(path)
