"""Score a trained detector on whole recordings: operating point from dev, figures, report."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl

from seizure import build
from seizure.cache.mapping import MappedSignals
from seizure.cache.shard import read_header
from seizure.command import Verb, run
from seizure.config import EvaluateConfig
from seizure.events.export import UNKNOWN_START, write_csv_bi, write_tsv
from seizure.learning.module import DetectionModule
from seizure.learning.tracks import NothingToScoreError, stitched
from seizure.models.detector import Detector
from seizure.prepare import PreparedCorpus, prepare_corpus
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.evaluation import Evaluation, evaluate
from seizure.scoring.operating_point import Choice, choose, write_choice
from seizure.scoring.plots import plot_detection, plot_losses
from seizure.scoring.report import headline, write_report
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading

log = logging.getLogger("seizure")

# The figure of one seizure: what is shown beside it, and how much of it at most.
BESIDE_S = 10.0
LONGEST_PAGE_S = 90.0

# The false alarms a day at which the operating point is chosen; the field's usual headline.
TARGET_FA_PER_24H = 10.0


@dataclass(frozen=True)
class Reported:
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
    metrics: Path | None = None,
) -> Reported:
    """Score a checkpoint on a split and write report, scores, plots and events into `folder`.

    The operating point is the one kept with the checkpoint, or chosen on dev where there is none.
    `metrics` is the CSV of the training run, for its loss curves.
    """
    module, trained = build.module_from(checkpoint)
    trainer = build.scoring_trainer(accelerator, build.precision(trained.trainer))
    data = WindowDataModule(
        corpus.folder,
        corpus.index,
        trained.windows,
        Balance(),
        Loading(batch_size=batch_size, scoring_batch_size=batch_size),
        seed=trained.seed,
    )
    choice = None if choose_again else build.kept_choice(checkpoint)
    if choice is None:
        log.info("choosing the operating point on dev")
        choice = choose_on_dev(recordings_of(trainer, module, data, "dev"), module)
        write_choice(build.operating_point_of(checkpoint), choice)
    log.info("scoring %s", split)
    recordings = recordings_of(trainer, module, data, split)
    evaluation = evaluate(recordings, choice, split)
    export_events(folder / "events", evaluation.pairs, corpus)
    figures = {**example_figure(folder, recordings, evaluation, corpus)}
    if metrics is not None:
        plot_losses(metrics, folder / "losses.png")
        figures["losses.png"] = "Loss on the training draw and on the whole of dev."
    notes = (
        f"Checkpoint `{checkpoint.name}` of run `{trained.run}`: {trained.model.name} "
        f"{trained.model.size}, trained on {trained.corpus.name}, seed {trained.seed}.",
        f"Preprocessing: {trained.preprocess.describe()}.",
        f"Normalisation: {trained.windows.describe_normalisation()}.",
        f"Augmentation of the training windows: {trained.augmentation.describe()}.",
        *(f"Interpolated by spherical splines: {what}." for what in corpus.interpolated),
        *(f"Left out: {reason}" for reason in corpus.left_out),
    )
    report = write_report(folder, evaluation, corpus.note, notes, figures)
    return Reported(report, headline(evaluation, corpus.note))


def example_figure(
    folder: Path,
    recordings: Sequence[TrackedRecording],
    evaluation: Evaluation,
    corpus: PreparedCorpus,
) -> dict[str, str]:
    """A seizure of middling length, of those found or else of all, with its track and EEG."""
    found = [
        (event, number)
        for number, pair in enumerate(evaluation.pairs)
        for event in pair.reference
        if any(event.overlap_s(other) > 0 for other in pair.hypothesis)
    ]
    everything = [(e, n) for n, pair in enumerate(evaluation.pairs) for e in pair.reference]
    if not everything:
        return {}
    by_length = sorted(found or everything, key=lambda entry: (entry[0].duration_s, entry[1]))
    event, number = by_length[len(by_length) // 2]
    pair, recording = evaluation.pairs[number], recordings[number]
    row = corpus.index.stem.tolist().index(pair.stem)
    signals = MappedSignals(corpus.folder, corpus.index)
    eeg_uv = signals.window_uv(row, 0, int(corpus.index.n_samples[row]))
    plot_detection(
        folder / "seizure.png",
        eeg_uv,
        corpus.index.rate_hz,
        corpus.index.channel_names,
        recording.track,
        pair.reference,
        pair.hypothesis,
        start_s=max(0.0, event.start_s - BESIDE_S),
        stop_s=min(pair.duration_s, event.stop_s + BESIDE_S, event.start_s + LONGEST_PAGE_S),
        threshold=evaluation.choice.settings.on_threshold,
        title=f"{pair.stem} ({corpus.note})",
    )
    state = "found" if found else "missed"
    return {"seizure.png": f"A seizure of middling length among those {state}, {pair.stem}."}


def recordings_of(
    trainer: pl.Trainer, module: DetectionModule, data: WindowDataModule, split: str
) -> tuple[TrackedRecording, ...]:
    """Every recording of a split with its stitched probability track."""
    if isinstance(module.network, Detector):
        module.network.check_source(data.index.channel_names, data.index.rate_hz)
    batches = trainer.predict(module, dataloaders=data.scoring_dataloader(split)) or []
    result = stitched(batches, data.index, module.track_rate_hz)  # pyright: ignore[reportArgumentType]
    if result.n_partly_seen:
        raise NothingToScoreError(
            f"{result.n_partly_seen} recordings of {split} were seen only in part"
        )
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
    corpus = prepare_corpus(config.corpus, trained.preprocess, config.paths.cache, config.prepare)
    run_folder = config.checkpoint.parent.parent
    folder = config.output or run_folder / f"evaluation-{corpus.name}-{config.split}"
    reported = evaluate_checkpoint(
        config.checkpoint, corpus, config.split, folder, config.accelerator, config.batch_size
    )
    for line in (*reported.headline, f"report {reported.report}"):
        log.info("%s", line)
    return 1 if corpus.left_out else 0


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
