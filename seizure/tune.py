"""Choose the post-processing of a trained detector on dev, and keep it beside the checkpoint."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from seizure import build
from seizure.cli.command import Verb, run
from seizure.cli.progress import progress
from seizure.config import Accelerator, Corpus, Paths, Prepare
from seizure.evaluate import recordings_of
from seizure.events.decide import Postprocessing
from seizure.prepare import prepare_corpus
from seizure.schema import ConfigError
from seizure.scoring.curve import OperatingPoint
from seizure.scoring.operating_point import fingerprint, write_choice
from seizure.scoring.tuning import SearchGrid, Tuned, tune
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading

log = logging.getLogger("seizure")


@dataclass(frozen=True)
class TuneConfig:
    """Everything that `python -m seizure.tune` can be told."""

    checkpoint: Path
    split: str
    target_fa_per_24h: float
    max_alarm_share: float
    grid: SearchGrid
    paths: Paths
    corpus: Corpus
    prepare: Prepare
    accelerator: Accelerator
    batch_size: int

    def __post_init__(self) -> None:
        if self.split not in ("dev", "train"):
            raise ValueError(
                f"split={self.split}: settings are chosen on dev (or train), expected one of "
                "these; chosen on eval, they would have seen the answers they are scored by"
            )
        if not 0 < self.max_alarm_share <= 1:
            raise ValueError(f"max_alarm_share must be in (0, 1], found {self.max_alarm_share}")
        if not 0 <= self.target_fa_per_24h < float("inf"):
            raise ValueError(
                f"target_fa_per_24h must be finite and not negative, found {self.target_fa_per_24h}"
            )


def main(config: TuneConfig) -> int:
    """Find the settings, keep them, and say what changed; 1 if recordings had to be left out."""
    if config.checkpoint.suffix == build.WEIGHTS_SUFFIX:
        raise ConfigError(
            f"checkpoint: {config.checkpoint} carries its operating point inside; tune the .ckpt "
            "of its run, then export it again"
        )
    module, trained = build.module_from(config.checkpoint)
    kept = build.kept_choice(config.checkpoint)
    start = trained.events if kept is None else kept.settings
    corpus = prepare_corpus(config.corpus, trained.preprocess, config.paths.cache, config.prepare)
    loading = Loading(batch_size=config.batch_size, scoring_batch_size=config.batch_size)
    data = WindowDataModule(
        corpus.folder, corpus.index, trained.windows, Balance(), loading, seed=trained.seed
    )
    trainer = build.scoring_trainer(config.accelerator, build.precision(trained.trainer))
    log.info("reading the probabilities of %s (%s)", config.split, corpus.note)
    recordings = recordings_of(trainer, module, data, config.split, config.checkpoint.parent)
    with progress("tuning") as report:
        tuned = tune(
            recordings,
            start,
            config.grid,
            config.target_fa_per_24h,
            config.max_alarm_share,
            config.split,
            report,
        )
    for line in what_changed(tuned, start, corpus.note):
        log.info("%s", line)
    path = write_choice(build.operating_point_of(config.checkpoint), tuned.choice)
    log.info("written to %s; evaluate and predict use it, an earlier export does not", path)
    return 1 if corpus.left_out else 0


def what_changed(tuned: Tuned, start: Postprocessing, corpus_note: str) -> Iterator[str]:
    """The settings before and after, and what each gives where they were chosen."""
    choice = tuned.choice
    yield (
        f"{choice.n_tried} settings tried at every threshold on {choice.chosen_on} "
        f"({corpus_note}, {choice.point.hours:.1f} h, {choice.point.n_reference} seizures); the "
        "best of many looks better here than it is elsewhere"
    )
    if not choice.reached:
        yield (
            f"none keeps {choice.target_fa_per_24h:g} false alarms a day and "
            f"{choice.max_alarm_share:.0%} of the time in alarm; these have the fewest false alarms"
        )
    yield f"before: {_said(tuned.before)}; fingerprint {fingerprint(start)}"
    yield f"after:  {_said(choice.point)}; fingerprint {choice.fingerprint}"
    before, after = asdict(start), asdict(choice.settings)
    changed = [name for name in before if before[name] != after[name]]
    for name in changed:
        yield f"  {name}: {before[name]:g} -> {after[name]:g}"
    if not changed:
        yield "  nothing changed"


def _said(point: OperatingPoint) -> str:
    share = "" if point.alarm_share is None else f", {point.alarm_share:.1%} of the time in alarm"
    return (
        f"NEDC OVLP {point.tp} of {point.n_reference} seizures found, {point.fp} false alarms "
        f"({point.fa_per_24h:.2f} FA/24h){share}"
    )


VERB = Verb(
    name="tune",
    schema=TuneConfig,
    summary="Choose threshold, hysteresis, smoothing, minimum duration and merging of a trained "
    "detector's events on dev: every combination at every threshold, exactly. The best is kept "
    "beside the checkpoint with its fingerprint and used from then on. Never on eval.",
    examples=(
        "python -m seizure.tune checkpoint=runs/first/checkpoints/best.ckpt",
        "python -m seizure.tune checkpoint=runs/first/checkpoints/best.ckpt target_fa_per_24h=5 "
        "'grid.merge_gap_s=[0,2]'",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
