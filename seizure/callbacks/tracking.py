"""Where else than to `metrics.csv` a run's figures go: TensorBoard, or Weights & Biases.

Both are optional packages; `seizure.build.loggers` says so where one is missing.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

WandbMode = Literal["offline", "online", "disabled"]


class Tracker(Protocol):
    """A logger that goes on where a run does, shows its report, and is closed with it."""

    def continue_from(self, step: int) -> None:
        """What was logged of this and later steps is logged again."""
        ...

    def show(self, report: Path) -> None:
        """Keep the report and the pictures beside it."""
        ...

    def close(self) -> None:
        """Nothing of this run is logged any more; the next one of a sweep has its own."""
        ...


class TensorBoard(TensorBoardLogger):
    """Writes event files into `tensorboard` in the run's folder: `tensorboard --logdir runs`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "tensorboard", name="", version="")

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Nothing: the run's `config.yaml` holds them already."""

    def save(self) -> None:
        """What was logged so far is on disk."""
        self.experiment.flush()

    def continue_from(self, step: int) -> None:
        """Viewers leave out what an earlier sitting logged of this and later steps."""
        self._kwargs["purge_step"] = step

    def show(self, report: Path) -> None:
        """The report's pictures under IMAGES, the report itself under TEXT."""
        from matplotlib.image import imread

        for picture in pictures_beside(report):
            # The writer expects 3 dimensions: of 4 channels it cannot show the last.
            self.experiment.add_image(
                f"report/{picture.stem}", imread(picture)[..., :3], dataformats="HWC"
            )
        self.experiment.add_text("report", report.read_text(encoding="utf-8"))

    def close(self) -> None:
        """Close the file, if it was ever opened."""
        if self._experiment is not None:
            self._experiment.close()


class WeightsAndBiases(WandbLogger):
    """Writes into `wandb` in the run's folder; nothing leaves the machine unless `mode` is online.

    The environment's WANDB_MODE comes first, as users of that tool expect. The run's name is its
    id: sittings of one run are one run there too.
    """

    def __init__(
        self, folder: Path, project: str, mode: WandbMode, configuration: dict[str, Any]
    ) -> None:
        import wandb

        # Its own copy of the terminal and of the code: the run's folder has both.
        quiet = wandb.Settings(console="off", save_code=False)
        super().__init__(
            name=folder.name,
            id=folder.name,
            project=project,
            save_dir=folder,
            mode=os.environ.get("WANDB_MODE") or mode,
            config=configuration,
            settings=quiet,
        )

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Nothing: the run was begun with its configuration."""

    def continue_from(self, step: int) -> None:
        """Nothing to take back: what is logged again lies over what was."""

    def show(self, report: Path) -> None:
        """The pictures as images, and with the report as one artefact."""
        import wandb

        pictures = pictures_beside(report)
        self.experiment.log({f"report/{p.stem}": wandb.Image(str(p)) for p in pictures})
        artefact = wandb.Artifact(f"report-{self.experiment.id}", type="report")
        for path in (report, *pictures):
            artefact.add_file(str(path))
        self.experiment.log_artifact(artefact)

    def close(self) -> None:
        """End the run there; without this, the next job of a sweep would go on in it."""
        if self._experiment is not None:
            self.experiment.finish()


def pictures_beside(report: Path) -> list[Path]:
    """The pictures of a report, in the order of their names."""
    return sorted(report.parent.glob("*.png"))


def trackers(loggers: Iterable[Logger]) -> list[Tracker]:
    """Those of some loggers that are more than a file of figures."""
    return [logger for logger in loggers if isinstance(logger, TensorBoard | WeightsAndBiases)]
