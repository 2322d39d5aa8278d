"""A trained detector ready to find seizures: its network, what it reads, its operating point."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import torch

from seizure import build
from seizure.cache.prepare import prepare_recording, prepared_from
from seizure.cache.shard import PreparedRecording
from seizure.config import TrainConfig
from seizure.corpus.entry import CorpusRecording
from seizure.eeg.annotation import Event
from seizure.eeg.filtering import Preprocessing
from seizure.eeg.recording import Recording
from seizure.events.decide import Postprocessing, decide
from seizure.events.stitch import Track
from seizure.learning.inference import refuse_masks, track_of
from seizure.learning.module import DetectionModule
from seizure.schema import ConfigError

Electrodes = Literal["as_trained", "mask"]


@dataclass(frozen=True, eq=False)
class Detected:
    """What was found in one recording; `remarks` says what was odd, estimated or left out."""

    track: Track
    events: tuple[Event, ...]
    remarks: tuple[str, ...]
    start: datetime | None


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """A detector in evaluation mode on its device, and how its probabilities become events.

    With `is_masked` an electrode that is not there takes no part, whatever training did about such.
    """

    module: DetectionModule
    trained: TrainConfig
    settings: Postprocessing
    is_masked: bool = False
    batch_size: int = 16

    @property
    def preprocess(self) -> Preprocessing:
        """How EEG has to be read for this detector."""
        if not self.is_masked:
            return self.trained.preprocess
        return replace(self.trained.preprocess, missing="mask")

    def find_in_file(self, edf: Path, stem: str) -> Detected:
        """The seizures of an EDF or BDF file. Raises `UnreadableRecording`."""
        return self._find(prepare_recording(_unannotated(stem, edf), (), self.preprocess), stem)

    def find(self, recording: Recording, name: str = "recording") -> Detected:
        """The seizures of EEG that was read with `preprocess`. Raises `UnreadableRecording`."""
        entry = _unannotated(name, Path(name))
        return self._find(prepared_from(recording, entry, (), self.preprocess), name)

    def _find(self, prepared: PreparedRecording, stem: str) -> Detected:
        remarks = list(prepared.meta["issues"])
        for state in ("interpolated", "masked"):
            if prepared.meta[state]:
                remarks.append(f"{state}: {', '.join(prepared.meta[state])}")
        track = track_of(self.module, prepared, self.trained.windows, stem, self.batch_size)
        return Detected(track, decide(track, self.settings), tuple(remarks), prepared.start)


def load_detector(
    checkpoint: str | Path,
    on_threshold: float | None = None,
    accelerator: str = "auto",
    missing: Electrodes = "as_trained",
    batch_size: int = 16,
) -> TrainedDetector:
    """The detector of a .ckpt or .safetensors at its operating point, or at `on_threshold`.

    Raises `ConfigError` for a file that is no detector, one without an operating point where no
    threshold is given, or CUDA that is not there; `SpecError` where electrodes cannot be masked.
    """
    build.check_accelerator(accelerator)
    checkpoint = Path(checkpoint)
    module, trained = build.module_from(checkpoint)
    if missing == "mask":
        refuse_masks(module.network)
    settings = settings_for(checkpoint, trained, on_threshold)
    on_cuda = accelerator != "cpu" and torch.cuda.is_available()
    module = module.to("cuda" if on_cuda else "cpu")
    return TrainedDetector(module, trained, settings, missing == "mask", batch_size)


def settings_for(
    checkpoint: Path, trained: TrainConfig, on_threshold: float | None
) -> Postprocessing:
    """The post-processing at the threshold asked for, or at the kept operating point.

    Raises `ConfigError` if there is neither, or the threshold is no probability.
    """
    if on_threshold is not None and not 0 < on_threshold <= 1:
        raise ConfigError(f"on_threshold: a probability in (0, 1], found {on_threshold}")
    kept = build.kept_choice(checkpoint)
    if on_threshold is not None:
        # Tuned settings stay, only the threshold is another.
        settings = trained.events if kept is None else kept.settings
        return replace(settings, on_threshold=on_threshold)
    if kept is None:
        beside = build.operating_point_of(checkpoint)
        raise ConfigError(
            f"no operating point in or beside the checkpoint ({beside} is missing); give "
            f"on_threshold=…, or run python -m seizure.evaluate, which chooses one on dev"
        )
    return kept.settings


def _unannotated(stem: str, path: Path) -> CorpusRecording:
    return CorpusRecording(stem, stem, "", "eval", path, annotation=None)
