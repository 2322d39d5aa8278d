"""Score a trained detector on whole recordings: operating point from dev, figures, report."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from seizure import build
from seizure.cache.shard import read_header
from seizure.cli.command import Verb, run
from seizure.config import EvaluateConfig
from seizure.evaluation.evidence import Pages, draw_evidence, known_causes
from seizure.evaluation.saved_tracks import (
    ScoredDetector,
    read_detector,
    read_recordings,
    write_tracks,
)
from seizure.events.export import UNKNOWN_START, write_atomically, write_csv_bi, write_tsv
from seizure.learning.module import DetectionModule
from seizure.learning.tracks import StitchedInOrder
from seizure.models.detector import Detector
from seizure.prepare import PreparedCorpus, prepare_corpus
from seizure.scoring.calibration import fit_temperature
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.comparison import Rival
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.evaluation import evaluate
from seizure.scoring.frames import LabelledFrames
from seizure.scoring.leaderboard import leaderboard, write_leaderboard
from seizure.scoring.operating_point import MAX_ALARM_SHARE, Choice, choose, write_choice
from seizure.scoring.plots import plot_losses
from seizure.scoring.report import headline, write_report
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading

log = logging.getLogger("seizure")

# The false alarms a day at which the operating point is chosen; the field's usual headline.
TARGET_FA_PER_24H = 10.0
TRACKS = "tracks"


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
    batch_size: int = 8,
    choose_again: bool = False,
    metrics: Path | None = None,
    versus: Path | None = None,
) -> Reported:
    """Score a checkpoint on a split and write tracks, events, scores and report into `folder`.

    The operating point is the one kept with the checkpoint, or chosen on dev where there is none.
    `metrics` is the CSV of the training run, for its loss curves; `versus` see `report_on`.
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
        dev = recordings_of(trainer, module, data, "dev", folder)
        choice = choose_on_dev(dev, module)
        write_choice(build.operating_point_of(checkpoint), choice)
        keep_temperature(checkpoint, fit_temperature(LabelledFrames(dev)))
    log.info("scoring %s", split)
    recordings = recordings_of(trainer, module, data, split, folder)
    detector = ScoredDetector(checkpoint.name, trained, choice, build.kept_temperature(checkpoint))
    write_tracks(folder / TRACKS, detector, split, recordings)
    return report_on(recordings, detector, corpus, split, folder, metrics, versus)


def report_on(
    recordings: Sequence[TrackedRecording],
    detector: ScoredDetector,
    corpus: PreparedCorpus,
    split: str,
    folder: Path,
    metrics: Path | None = None,
    versus: Path | None = None,
) -> Reported:
    """Score tracks, wherever they come from, and write events, scores and report into `folder`.

    `versus` is the folder of another run or evaluation of the same recordings.
    """
    causes = known_causes(corpus, split)
    rival = None if versus is None else rival_in(versus, corpus, split, folder)
    evaluation = evaluate(recordings, detector.choice, split, detector.temperature, causes, rival)
    export_events(folder / "events", evaluation.pairs, corpus)
    write_leaderboard(folder / "szcore.json", leaderboard(evaluation.pairs))
    figures = draw_evidence(Pages(folder, recordings, evaluation, corpus), causes)
    if metrics is not None:
        plot_losses(metrics, folder / "losses.png")
        caption = "Loss on the training draw and on the whole of dev."
        figures["Training"] = {"losses.png": caption}
    trained = detector.trained
    notes = (
        f"Checkpoint `{detector.checkpoint}` of run `{trained.run}`: {trained.model.name} "
        f"{trained.model.size}, trained on {trained.corpus.name}, seed {trained.seed}.",
        f"Preprocessing: {trained.preprocess.describe()}.",
        f"Normalisation: {trained.windows.describe_normalisation()}.",
        f"Augmentation of the training windows: {trained.augmentation.describe()}.",
        *(f"Interpolated by spherical splines: {what}." for what in corpus.interpolated),
        *(f"Masked, since not recorded: {what}." for what in corpus.masked),
        *(f"Left out: {reason}" for reason in corpus.left_out),
    )
    report = write_report(folder, evaluation, corpus.note, notes, figures)
    return Reported(report, headline(evaluation, corpus.note))


def rival_in(versus: Path, corpus: PreparedCorpus, split: str, scratch: Path) -> Rival:
    """The detector behind another run's or evaluation's tracks of the same recordings."""
    folder = versus / TRACKS if (versus / TRACKS).is_dir() else versus
    other = read_detector(folder)
    recordings = read_recordings(folder, corpus.index, split, scratch)
    return Rival(other.trained.run, recordings, other.choice)


class _Collected(pl.Callback):
    """Stitches predictions as they come, so that none has to be kept."""

    def __init__(self, stitching: StitchedInOrder) -> None:
        self._stitching = stitching

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._stitching.add(outputs)


def recordings_of(
    trainer: pl.Trainer,
    module: DetectionModule,
    data: WindowDataModule,
    split: str,
    scratch: Path,
) -> tuple[TrackedRecording, ...]:
    """Every recording of a split with its stitched probability track.

    The tracks are held in a file in `scratch` that goes with them, see `TrackStore`.
    """
    if isinstance(module.network, Detector):
        module.network.check_source(data.index.channel_names, data.index.rate_hz)
    stitching = StitchedInOrder(data.index, module.track_rate_hz, scratch)
    collected = _Collected(stitching)
    trainer.callbacks.append(collected)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        loader = data.scoring_dataloader(split)
        trainer.predict(module, dataloaders=loader, return_predictions=False)
    finally:
        trainer.callbacks.remove(collected)  # pyright: ignore[reportAttributeAccessIssue]
    return stitching.recordings()


def choose_on_dev(recordings: Sequence[TrackedRecording], module: DetectionModule) -> Choice:
    """The operating point at the target of false alarms, from the recordings of dev."""
    curve = sweep(recordings, module.postprocessing, thresholds_for(recordings))
    choice = choose(curve, module.postprocessing, TARGET_FA_PER_24H, chosen_on="dev")
    if not choice.reached:
        log.info(
            "%g false alarms a day with at most %.0f %% of the time in alarm are not reachable on "
            "dev; taking the fewest there, %.1f",
            TARGET_FA_PER_24H,
            100 * MAX_ALARM_SHARE,
            choice.point.fa_per_24h,
        )
    return choice


def keep_temperature(checkpoint: Path, temperature: float) -> Path:
    """Write the temperature that was fitted on dev beside a checkpoint."""
    content = json.dumps({"temperature": temperature, "fitted_on": "dev"}, indent=1)
    return write_atomically(build.temperature_of(checkpoint), content + "\n")


def export_events(folder: Path, pairs: Sequence[Pair], corpus: PreparedCorpus) -> None:
    """The detected events of each recording as csv_bi and as SzCORE's TSV."""
    files = dict(zip(corpus.index.stem.tolist(), corpus.index.file.tolist(), strict=True))
    for pair in pairs:
        start = read_header(corpus.folder / files[pair.stem]).start or UNKNOWN_START
        write_csv_bi(folder / f"{pair.stem}.csv_bi", pair.hypothesis, pair.duration_s)
        write_tsv(folder / f"{pair.stem}.tsv", pair.hypothesis, pair.duration_s, start)


def main(config: EvaluateConfig) -> int:
    """Score a checkpoint or saved tracks on a corpus; 1 if some recordings had to be left out."""
    given = config.checkpoint or config.tracks
    assert given is not None
    detector = None if config.tracks is None else read_detector(config.tracks)
    trained = build.module_from(given)[1] if detector is None else detector.trained
    corpus = prepare_corpus(config.corpus, trained.preprocess, config.paths.cache, config.prepare)
    run_folder = given.parent.parent if detector is None else given.parent
    folder = config.output or run_folder / f"evaluation-{corpus.name}-{config.split}"
    if detector is None:
        reported = evaluate_checkpoint(
            given,
            corpus,
            config.split,
            folder,
            config.accelerator,
            config.batch_size,
            versus=config.versus,
        )
    else:
        recordings = read_recordings(given, corpus.index, config.split, folder)
        reported = report_on(
            recordings, detector, corpus, config.split, folder, versus=config.versus
        )
    for line in (*reported.headline, f"report {reported.report}"):
        log.info("%s", line)
    return 1 if corpus.left_out else 0


VERB = Verb(
    name="evaluate",
    schema=EvaluateConfig,
    summary="Score a trained checkpoint on a split of a corpus, at the operating point that was "
    "chosen on dev and is kept beside the checkpoint, and write report, scores, events and tracks; "
    "or score such tracks again without a model. With versus=, the report compares with another "
    "run on the same recordings, paired by patient.",
    examples=(
        "python -m seizure.evaluate checkpoint=runs/first/checkpoints/best.ckpt",
        "python -m seizure.evaluate checkpoint=runs/first/checkpoints/best.ckpt corpus=tusz "
        "corpus.root=/data/tusz split=eval",
        "python -m seizure.evaluate tracks=runs/first/tracks versus=runs/second",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
