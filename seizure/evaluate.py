"""Score a trained detector on whole recordings: operating point from dev, figures, report."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl

from seizure import build
from seizure.cache.shard import read_header
from seizure.command import Verb, run
from seizure.config import EvaluateConfig
from seizure.events.export import UNKNOWN_START, write_csv_bi, write_tsv
from seizure.learning.module import DetectionModule
from seizure.learning.tracks import stitched
from seizure.prepare import PreparedCorpus, prepare_corpus
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.operating_point import Choice, choose, read_choice, write_choice
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading

log = logging.getLogger("seizure")

# The false alarms a day at which the operating point is chosen; the field's usual headline.
TARGET_FA_PER_24H = 10.0


@dataclass(frozen=True)
class Evaluation:
    """Where the report is, and its headline in plain lines."""

    report: Path
    headline: tuple[str, ...]


def evaluate_checkpoint(
    checkpoint: Path,
    corpus: PreparedCorpus,
    split: str,
    folder: Path,
    accelerator: str,
    batch_size: int = 16,
    choose_again: bool = False,
) -> Evaluation:
    """Score a checkpoint on a split and write report, scores, plots and events into `folder`.

    The operating point is read from beside the checkpoint, or chosen on dev where there is none.
    """
    module, trained = build.module_from(checkpoint)
    trainer = build.scoring_trainer(accelerator, build.precision(trained.trainer))
    data = WindowDataModule(
        corpus.folder,
        corpus.index,
        trained.windows,
        Balance(),
        Loading(batch_size=batch_size, scoring_batch_size=batch_size),
        seed=0,
    )
    kept = build.operating_point_of(checkpoint)
    if choose_again or not kept.is_file():
        log.info("choosing the operating point on dev")
        choice = choose_on_dev(recordings_of(trainer, module, data, "dev"), module)
        write_choice(kept, choice)
    choice = read_choice(kept)
    log.info("scoring %s", split)
    recordings = recordings_of(trainer, module, data, split)
    pairs = [recording.pair(choice.settings) for recording in recordings]
    export_events(folder / "events", pairs, corpus)
    raise NotImplementedError


def recordings_of(
    trainer: pl.Trainer, module: DetectionModule, data: WindowDataModule, split: str
) -> tuple[TrackedRecording, ...]:
    """Every recording of a split with its stitched probability track."""
    batches = trainer.predict(module, dataloaders=data.scoring_dataloader(split)) or []
    result = stitched(batches, data.index, module.track_rate_hz)  # pyright: ignore[reportArgumentType]
    if result.n_partly_seen:
        raise RuntimeError(f"{result.n_partly_seen} recordings of {split} were seen only in part")
    return result.recordings


def choose_on_dev(recordings: Sequence[TrackedRecording], module: DetectionModule) -> Choice:
    """The operating point at the target of false alarms, from the recordings of dev."""
    curve = sweep(recordings, module.postprocessing, thresholds_for(recordings))
    choice = choose(curve, module.postprocessing, TARGET_FA_PER_24H, chosen_on="dev")
    if not choice.reached:
        log.info(
            "%g false alarms a day are not reachable on dev; taking the fewest there, %.1f",
            TARGET_FA_PER_24H,
            choice.point.fa_per_24h,
        )
    return choice


def export_events(folder: Path, pairs: Sequence[Pair], corpus: PreparedCorpus) -> None:
    """The detected events of each recording as csv_bi and as SzCORE's TSV."""
    files = dict(zip(corpus.index.stem.tolist(), corpus.index.file.tolist(), strict=True))
    for pair in pairs:
        start = read_header(corpus.folder / files[pair.stem]).start or UNKNOWN_START
        write_csv_bi(folder / f"{pair.stem}.csv_bi", pair.hypothesis, pair.duration_s)
        write_tsv(folder / f"{pair.stem}.tsv", pair.hypothesis, pair.duration_s, start)


def main(config: EvaluateConfig) -> int:
    """Score a checkpoint on a corpus; 1 if some recordings had to be left out."""
    _, trained = build.module_from(config.checkpoint)
    corpus = prepare_corpus(
        config.corpus, trained.preprocess, config.paths.cache, config.prepare.jobs
    )
    run_folder = config.checkpoint.parent.parent
    folder = config.output or run_folder / f"evaluation-{corpus.name}-{config.split}"
    evaluation = evaluate_checkpoint(
        config.checkpoint, corpus, config.split, folder, config.accelerator, config.batch_size
    )
    for line in (*evaluation.headline, f"report {evaluation.report}"):
        log.info("%s", line)
    return 1 if corpus.n_left_out else 0


VERB = Verb(
    name="evaluate",
    schema=EvaluateConfig,
    summary="Score a trained checkpoint on a split of a corpus, at the operating point that was "
    "chosen on dev and is kept beside the checkpoint, and write report, scores and events.",
    examples=(
        "python -m seizure.evaluate checkpoint=runs/first/checkpoints/best.ckpt",
        "python -m seizure.evaluate checkpoint=runs/first/checkpoints/best.ckpt corpus=tusz "
        "corpus.root=/data/tusz split=eval",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
