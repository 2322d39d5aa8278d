"""Write what SzCORE's benchmark needs beside the code: the detector and the algorithm's entry."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from seizure import build
from seizure.cli.command import Verb, run
from seizure.config import TrainConfig
from seizure.models.weights import write_detector
from seizure.schema import ConfigError
from seizure.scoring.algorithm_card import AlgorithmCard, Person, write_algorithm
from seizure.scoring.operating_point import Choice

log = logging.getLogger("seizure")

_CORPORA = {"tusz": "TUH EEG Seizure Corpus", "chbmit": "CHB-MIT Scalp EEG Database"}


@dataclass(frozen=True)
class Entry:
    """The algorithm as its authors describe it; see `AlgorithmCard`.

    Without an `abstract` one is written from the checkpoint, without `datasets` it is the corpus
    that the checkpoint was trained on.
    """

    title: str
    short_title: str
    image: str
    authors: tuple[Person, ...]
    license: str
    version: str | float | None
    date_released: str | None
    abstract: str | None
    repository: str | None
    datasets: tuple[str, ...] | None


@dataclass(frozen=True)
class SubmissionConfig:
    """Everything that `python -m seizure.submission` can be told."""

    checkpoint: Path
    output: Path
    algorithm: Entry


def main(config: SubmissionConfig) -> int:
    """Write `detector.safetensors` and `algorithm.yaml`, and say how the container is built."""
    _, trained = build.module_from(config.checkpoint)
    choice = build.kept_choice(config.checkpoint)
    if choice is None:
        raise ConfigError(
            f"checkpoint: {config.checkpoint} has no operating point, which a container needs; run "
            "python -m seizure.evaluate or seizure.tune first"
        )
    entry = config.algorithm
    if entry.datasets is None:
        entry = replace(entry, datasets=(_CORPORA.get(trained.corpus.name, trained.corpus.name),))
    if entry.abstract is None:
        entry = replace(entry, abstract=_described(trained, choice))
    card = AlgorithmCard(**vars(entry))
    detector = config.output / "detector.safetensors"
    write_detector(detector, build.stored_detector(config.checkpoint))
    written = write_algorithm(config.output / "algorithm.yaml", card)
    log.info("written: %s, %s", detector, written)
    if trained.preprocess.montage == "referential":
        log.info(
            "the benchmark's EEG is referred to the average of the electrodes; this detector was "
            "trained on EEG as it was recorded, one trained with preprocess=average sees the same"
        )
    log.info("next: docker build -f container/Dockerfile -t %s .", card.image)
    return 0


def _described(trained: TrainConfig, choice: Choice) -> str:
    return (
        f"Network {trained.model.name}, size {trained.model.size}, on windows of "
        f"{trained.windows.window_s:g} s. EEG: {trained.preprocess.describe()}; normalisation: "
        f"{trained.windows.describe_normalisation()}. An event begins where the probability "
        f"reaches {choice.settings.on_threshold:.3f}, chosen on {choice.chosen_on} for at most "
        f"{choice.target_fa_per_24h:g} false alarms in 24 h."
    )


VERB = Verb(
    name="submission",
    schema=SubmissionConfig,
    summary="Write what an entry at SzCORE's benchmark needs beside the code: the detector in one "
    "file, and algorithm.yaml, checked by the benchmark's rules. container/Dockerfile makes the "
    "container of them.",
    examples=(
        "python -m seizure.submission checkpoint=runs/first/checkpoints/best.ckpt "
        "algorithm.title=Detector algorithm.image=ghcr.io/lab/detector:1.0 algorithm.license=MIT "
        "'algorithm.authors=[{given_names:Ada,family_names:Lovelace}]'",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
