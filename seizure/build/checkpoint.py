"""What a trained detector's file holds: the module, and its operating point."""

import json
import zipfile
from pathlib import Path

import torch
from torch import nn

from seizure.build.detector import input_spec, network
from seizure.config import TrainConfig
from seizure.eeg.montage import channels_of
from seizure.learning.module import DetectionModule
from seizure.models.spec import InputSpec
from seizure.models.weights import StoredDetector, load_weights, read_detector
from seizure.schema import ConfigError, parse
from seizure.scoring.operating_point import Choice, parse_choice, read_choice

# What `seizure.export` writes; every other file is read as a run's checkpoint.
WEIGHTS_SUFFIX = ".safetensors"


def module_from(checkpoint: Path) -> tuple[DetectionModule, TrainConfig]:
    """The trained module of a .ckpt or .safetensors, and the configuration it was trained with.

    Raises `ConfigError` if the file is neither, or states another order of channels or another
    rate than its configuration gives; weights load strictly.
    """
    stored = stored_detector(checkpoint)
    config = parse(TrainConfig, stored.configuration)
    inputs = input_spec(config, channels_of(config.preprocess.montage))
    if stored.inputs != inputs:
        raise ConfigError(
            f"checkpoint: {checkpoint} was trained on {_described(stored.inputs)}; its "
            f"configuration gives {_described(inputs)}. It was edited, or written by another "
            f"version; export it again"
        )
    trained = DetectionModule(
        network=network(config.model, inputs),
        loss=nn.Identity(),
        optimisation=config.optimisation,
        postprocessing=config.events,
        rate_hz=config.preprocess.rate_hz,
        track_rate_hz=config.track_rate_hz,
        configuration={**stored.configuration, "channel_names": list(inputs.channel_names)},
    )
    load_weights(trained.network, stored.state)
    return trained.eval(), config


def stored_detector(checkpoint: Path) -> StoredDetector:
    """What a checkpoint of a run, or a file of `seizure.export`, holds. Raises `ConfigError`."""
    if not checkpoint.is_file():
        raise ConfigError(f"checkpoint: no file {checkpoint}; give a .ckpt or a .safetensors")
    if checkpoint.suffix == WEIGHTS_SUFFIX:
        return read_detector(checkpoint)
    # On a file of another kind torch fails in as many ways as there are kinds.
    if not zipfile.is_zipfile(checkpoint):
        raise ConfigError(f"checkpoint: {checkpoint} is not a checkpoint, or was cut off")
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    configuration = dict(content.get("hyper_parameters", {}).get("configuration", {}))
    if not configuration:
        raise ConfigError(f"checkpoint: {checkpoint} was not written by seizure.train")
    channel_names = tuple(configuration.pop("channel_names"))
    config = parse(TrainConfig, configuration)
    kept = operating_point_of(checkpoint)
    return StoredDetector(
        state={name.removeprefix("network."): t for name, t in content["state_dict"].items()},
        inputs=input_spec(config, channel_names),
        normalisation=config.windows.describe_normalisation(),
        configuration=configuration,
        operating_point=kept.read_text(encoding="utf-8") if kept.is_file() else None,
        temperature=kept_temperature(checkpoint),
    )


def operating_point_of(checkpoint: Path) -> Path:
    """Where a checkpoint's operating point is kept."""
    return checkpoint.with_suffix(".operating_point.json")


def kept_choice(checkpoint: Path) -> Choice | None:
    """The operating point in a .safetensors, or beside any checkpoint; None where none is kept."""
    if checkpoint.suffix == WEIGHTS_SUFFIX:
        inside = read_detector(checkpoint).operating_point
        if inside is not None:
            return parse_choice(inside, str(checkpoint))
    beside = operating_point_of(checkpoint)
    return read_choice(beside) if beside.is_file() else None


def temperature_of(checkpoint: Path) -> Path:
    """Where a checkpoint's temperature is kept."""
    return checkpoint.with_suffix(".temperature.json")


def kept_temperature(checkpoint: Path) -> float | None:
    """The temperature in a .safetensors, or beside any checkpoint; None where none is kept."""
    if checkpoint.suffix == WEIGHTS_SUFFIX:
        inside = read_detector(checkpoint).temperature
        if inside is not None:
            return inside
    beside = temperature_of(checkpoint)
    if not beside.is_file():
        return None
    return float(json.loads(beside.read_text(encoding="utf-8"))["temperature"])


def _described(inputs: InputSpec) -> str:
    names = ", ".join(inputs.channel_names)
    return f"{names} at {inputs.rate_hz:g} Hz in windows of {inputs.window_s:g} s"
