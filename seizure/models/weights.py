"""Weights put into a network, with every disagreement named, and a detector as one file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from seizure.models.spec import InputSpec

SHOWN = 8
FORMAT = "seizure detector 1"


class WeightsError(ValueError):
    """Weights that are not exactly what a network holds, or a file that is no detector."""


@dataclass(frozen=True)
class WeightsReport:
    """Which entries of a state dict a network takes, lacks, does not know, or has reshaped."""

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    """In the network, not in the state dict."""
    unexpected: tuple[str, ...]
    """In the state dict, not in the network."""
    misshapen: tuple[str, ...]
    """In both; each as `name: found shape, expected shape`."""

    @property
    def is_complete(self) -> bool:
        """Whether every entry of either side was used."""
        return not (self.missing or self.unexpected or self.misshapen)

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} matched"]
        for kind in ("missing", "unexpected", "misshapen"):
            names = getattr(self, kind)
            shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
            parts.append(f"{len(names)} {kind}" + (f" ({shown})" if names else ""))
        return "; ".join(parts)


def load_weights(
    network: nn.Module, state: Mapping[str, Tensor], allow_partial: bool = False
) -> WeightsReport:
    """Copy a state dict into a network and say what matched; the network is untouched on failure.

    With `allow_partial` the entries that match are loaded and the report says what was left; a
    report that matched nothing still raises.

    >>> network = nn.Linear(2, 1)
    >>> str(load_weights(network, network.state_dict()))
    '2 matched; 0 missing; 0 unexpected; 0 misshapen'
    """
    report = compare_weights(network, state)
    if not report.matched or not (allow_partial or report.is_complete):
        raise WeightsError(
            f"these weights are not those of {type(network).__name__}: {report}. Build the network "
            f"from the configuration stored beside the weights, or load with allow_partial=True to "
            f"take only what matches"
        )
    own = network.state_dict()
    with torch.no_grad():
        for name in report.matched:
            own[name].copy_(state[name])
    return report


def compare_weights(network: nn.Module, state: Mapping[str, Tensor]) -> WeightsReport:
    """What `load_weights` would find, without loading."""
    own = network.state_dict()
    shared = [name for name in own if name in state]
    misshapen = [name for name in shared if own[name].shape != state[name].shape]
    return WeightsReport(
        matched=tuple(name for name in shared if name not in misshapen),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        misshapen=tuple(
            f"{name}: found {tuple(state[name].shape)}, expected {tuple(own[name].shape)}"
            for name in misshapen
        ),
    )


@dataclass(frozen=True)
class StoredDetector:
    """A detector as one file holds it: weights, and all that is needed to build and feed it."""

    state: Mapping[str, Tensor]
    inputs: InputSpec
    """The channels in their order, the rate and the length of the windows it was trained on."""
    normalisation: str
    """How EEG in µV becomes what the network reads, in words; the settings are in
    `configuration`."""
    configuration: Mapping[str, Any]
    """The training run's, as plain containers."""
    operating_point: str | None = None
    """The threshold chosen on dev and what it gave there, as JSON; None where none was chosen."""
    temperature: float | None = None
    """By which log-odds are divided to be calibrated on dev; None where none was fitted."""


def write_detector(path: str | Path, stored: StoredDetector) -> Path:
    """Write a detector as safetensors, everything but the weights as JSON in the header.

    Source: the safetensors format, `__metadata__`: a map from text to text.

    >>> import tempfile
    >>> inputs = InputSpec(("C3", "C4"), rate_hz=256.0, window_s=60.0)
    >>> stored = StoredDetector({"bias": torch.ones(2)}, inputs, "robust", {"seed": 0})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_detector(write_detector(f"{folder}/a.safetensors", stored)).inputs.channel_names
    ('C3', 'C4')
    """
    path = Path(path)
    metadata = {
        "format": FORMAT,
        "inputs": json.dumps(asdict(stored.inputs)),
        "normalisation": stored.normalisation,
        "configuration": json.dumps(stored.configuration, allow_nan=False),
    }
    if stored.operating_point is not None:
        metadata["operating_point"] = stored.operating_point
    if stored.temperature is not None:
        metadata["temperature"] = repr(stored.temperature)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    save_file({name: t.contiguous() for name, t in stored.state.items()}, unfinished, metadata)
    unfinished.replace(path)
    return path


def read_detector(path: str | Path) -> StoredDetector:
    """Read what `write_detector` wrote; nothing in such a file is ever executed.

    Raises `WeightsError` for a file of another kind, one that was cut off, or weights alone.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is no safetensors file, or was cut off ({error}); write it again with "
            f"python -m seizure.export"
        ) from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f"{path} states format {metadata.get('format')!r}, expected {FORMAT!r}: a detector's "
            f"weights with its inputs and its configuration, as python -m seizure.export writes"
        )
    try:
        return StoredDetector(
            state=state,
            inputs=InputSpec(**json.loads(metadata["inputs"])),
            normalisation=metadata["normalisation"],
            configuration=json.loads(metadata["configuration"]),
            operating_point=metadata.get("operating_point"),
            temperature=float(metadata["temperature"]) if "temperature" in metadata else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: its header was edited ({error!r}); write it again with python -m "
            f"seizure.export"
        ) from error
