"""A file with one batch that broke a run, and all that decides what it gives."""

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seizure.windows.dataset import WindowBatch

_FORMAT = "seizure reproduction 1"


class ReproductionError(ValueError):
    """A file that is no reproduction; the message says what it is."""


@dataclass(frozen=True)
class Reproduction:
    """One batch that broke, with all that decides what it gives.

    `place` is its (epoch, number, rank) counted from 0, `random` torch's generators before it,
    `windows` its windows in words, `found` what was said when it broke. Buffers among the `weights`
    are those after the batch.
    """

    configuration: dict[str, Any]
    weights: dict[str, Tensor]
    batch: WindowBatch
    place: tuple[int, int, int]
    random: dict[str, Tensor | None]
    precision: str
    device: str
    loss_scale: float
    windows: tuple[str, ...]
    found: str

    def save(self, path: Path) -> None:
        """Write it, plain containers and tensors only, on the processor."""
        content = {**vars(self), "format": _FORMAT, "batch": self.batch._asdict()}
        temporary = path.with_name(f".{path.name}.writing")
        torch.save(_on_processor(content), temporary)
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Reproduction":
        """Read it; nothing in it is executed. Raises `ReproductionError`."""
        if not path.is_file():
            raise ReproductionError(f"replay: no file {path}; a run that breaks names its own")
        other = f"replay: {path} was not written by a run that broke; expected its nonfinite.pt"
        # On a file of another kind torch fails in as many ways as there are kinds.
        if not zipfile.is_zipfile(path):
            raise ReproductionError(other)
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError) as error:
            raise ReproductionError(other) from error
        if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
            raise ReproductionError(other)
        return cls(**{**content, "batch": WindowBatch(**content["batch"])})


def _on_processor(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_processor(part) for key, part in value.items()}
    return value
