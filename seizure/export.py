"""Write a trained detector as one safetensors file, enough by itself to predict."""

import logging
from dataclasses import dataclass
from pathlib import Path

from seizure import build
from seizure.cli.command import Verb, run
from seizure.models.weights import write_detector
from seizure.schema import ConfigError

log = logging.getLogger("seizure")


@dataclass(frozen=True)
class ExportConfig:
    """Everything that `python -m seizure.export` can be told."""

    checkpoint: Path
    output: Path | None


def main(config: ExportConfig) -> int:
    """Check a checkpoint by building it, write what it holds, and say what that is."""
    output = config.output or config.checkpoint.with_suffix(build.WEIGHTS_SUFFIX)
    if output.suffix != build.WEIGHTS_SUFFIX:
        raise ConfigError(f"output: found {output}, expected a name that ends in .safetensors")
    build.module_from(config.checkpoint)
    choice = build.kept_choice(config.checkpoint)
    stored = build.stored_detector(config.checkpoint)
    write_detector(output, stored)
    threshold = "none; predicting needs on_threshold=…"
    if choice is not None:
        threshold = f"{choice.settings.on_threshold:.3f}, chosen on {choice.chosen_on}"
    log.info("%d channels: %s", stored.inputs.n_channels, ", ".join(stored.inputs.channel_names))
    log.info("%g Hz; normalisation: %s", stored.inputs.rate_hz, stored.normalisation)
    log.info("threshold: %s", threshold)
    log.info("%d tensors written to %s", len(stored.state), output)
    return 0


VERB = Verb(
    name="export",
    schema=ExportConfig,
    summary="Write a trained checkpoint as one .safetensors: weights, the order of channels, rate "
    "and normalisation they read, the configuration of their run, and the operating point if one "
    "was chosen. predict and evaluate take it like a .ckpt; loading it executes nothing.",
    examples=(
        "python -m seizure.export checkpoint=runs/first/checkpoints/best.ckpt",
        "python -m seizure.export checkpoint=best.ckpt output=detector.safetensors",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
