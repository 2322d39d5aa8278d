"""Train a detector: prepare the corpus, fit, score on patients never seen, write the report."""

import logging
import sys
import time
import warnings
from collections.abc import Sequence

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from seizure import build
from seizure.callbacks.checkpoint import BEST, LAST
from seizure.callbacks.interruption import Interrupted, Interruption
from seizure.callbacks.metrics_file import drop_rows_from
from seizure.callbacks.tracking import trackers
from seizure.cli.command import Verb, run, speak, sweep_folder
from seizure.cli.run_folder import RunFolder, command_to_continue
from seizure.config import TrainConfig
from seizure.evaluate import evaluate_checkpoint
from seizure.nn.mamba import scan_backend
from seizure.prepare import PreparedCorpus, prepare_corpus, split_faults
from seizure.schema import ConfigError, to_plain
from seizure.windows.datamodule import WindowDataModule

log = logging.getLogger("seizure")


def main(config: TrainConfig) -> float | None:
    """Train, score and report; returns the best value of the monitored metric."""
    build.check_trainer(config.trainer)
    folder = RunFolder(sweep_folder() or config.paths.runs / config.run)
    folder.open(to_plain(config))
    speak(folder.log_file)
    if not is_first_process():
        log.setLevel(logging.WARNING)
    if folder.is_finished:
        log.info("run %s is finished; its report is %s", config.run, folder.path / "report.md")
        return folder.objective
    # First, for it says what is not installed; each opens itself when it is given something.
    loggers = build.loggers(config.logger, folder, to_plain(config))
    try:
        return train_and_report(config, folder, loggers)
    finally:
        for tracker in trackers(loggers) if is_first_process() else ():
            tracker.close()


def train_and_report(
    config: TrainConfig, folder: RunFolder, loggers: Sequence[Logger]
) -> float | None:
    """Prepare, fit, score and report in a run's folder; returns the best monitored value."""
    corpus = prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    check_splits(corpus)
    score = fit(config, folder, corpus, loggers)
    if not is_first_process():
        return score
    best = folder.checkpoints / BEST
    reported = evaluate_checkpoint(
        best,
        corpus,
        "eval",
        folder.path,
        config.trainer.accelerator,
        config.loader.scoring_batch_size,
        choose_again=True,
        metrics=folder.metrics,
    )
    for tracker in trackers(loggers):
        tracker.show(reported.report)
    folder.finish(score)
    for line in reported.headline:
        log.info("%s", line)
    log.info("run folder %s, report %s", folder.path, reported.report)
    return score


def is_first_process() -> bool:
    """Whether this is the process of a run that speaks, scores and writes, not one beside it."""
    return rank_zero_only.rank == 0  # pyright: ignore[reportFunctionMemberAccess]


def check_splits(corpus: PreparedCorpus) -> None:
    """Raises `ConfigError` where a split is empty, or lacks the seizures that training needs."""
    for fault in split_faults(corpus.name, corpus.index):
        raise ConfigError(fault)


def fit(
    config: TrainConfig,
    folder: RunFolder,
    corpus: PreparedCorpus,
    loggers: Sequence[Logger] = (),
) -> float | None:
    """Train until done, continuing from the last checkpoint if there is one.

    Metrics go to the folder's `metrics.csv` and to `loggers`.
    """
    pl.seed_everything(config.seed, workers=True, verbose=False)
    data = datamodule(config, corpus)
    module = build.module(config, data, to_plain(config))
    last = folder.checkpoints / LAST
    interruption = Interruption(last)
    n_batches = len(data.train_dataloader())
    on_terminal = sys.stdout.isatty()
    trainer = build.trainer(config, folder, interruption, n_batches, on_terminal, loggers)
    introduce(config, data, module, trainer)
    step = 0
    if last.is_file():
        step = int(torch.load(last, map_location="cpu", weights_only=True)["global_step"])
        log.info("continuing from %s, step %d", last, step)
        for tracker in trackers(loggers):
            tracker.continue_from(step)
    if is_first_process():
        drop_rows_from(folder.metrics, step)
    started_at = time.monotonic()
    named = any(argument.startswith("run=") for argument in sys.argv)
    if trainer.world_size > 1 and not named:
        # Lightning starts the other processes by this command line; by then the clock, which
        # names a run without a name, has gone on.
        sys.argv.append(f"run={folder.path.name}")
    # The sampler knows its position; Lightning looks for one in the loader alone.
    warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    try:
        with interruption.listening():
            trainer.fit(module, data, ckpt_path=last if last.is_file() else None, weights_only=True)
    except (Interrupted, SystemExit) as stop:
        kept = (
            f"{last} holds what was learnt" if last.is_file() else "no checkpoint was written yet"
        )
        job = sweep_folder()
        command = command_to_continue(folder.path.name, job.parent if job else None)
        log.info("stopped: %s; to go on: %s", kept, command)
        raise SystemExit(130) from stop
    log.info("training took %.0f s", time.monotonic() - started_at)
    best = trainer.checkpoint_callback.best_model_score  # pyright: ignore
    return None if best is None else float(best)


def datamodule(config: TrainConfig, corpus: PreparedCorpus) -> WindowDataModule:
    """The loaders of a run."""
    return WindowDataModule(
        corpus.folder, corpus.index, config.windows, config.balance, config.loader, config.seed
    )


def introduce(
    config: TrainConfig, data: WindowDataModule, module: torch.nn.Module, trainer: pl.Trainer
) -> None:
    """Say what is about to happen, on what, in which precision."""
    n_parameters = sum(p.numel() for p in module.parameters())
    log.info("%s", data.describe())
    log.info(
        "model %s %s: %s parameters; %s; scan by %s (%s); precision %s; normalisation %s; "
        "augmentation %s",
        config.model.name,
        config.model.size,
        f"{n_parameters:,}",
        trainer.accelerator.__class__.__name__.removesuffix("Accelerator"),
        *scan_backend(trainer.strategy.root_device.type),
        trainer.precision,
        config.windows.describe_normalisation(),
        config.augmentation.describe(),
    )


VERB = Verb(
    name="train",
    schema=TrainConfig,
    summary="Prepare the corpus where needed, train a detector, score its best epoch on patients "
    "it never saw, and leave a run folder with report, checkpoints, metrics and events. The same "
    "command with the same run=NAME continues that run.",
    examples=(
        "python -m seizure.train",
        "python -m seizure.train run=first trainer.max_epochs=2",
        "python -m seizure.train +hw=a100 model=base corpus=tusz corpus.root=/data/tusz",
        "python -m seizure.train -m seed=1,2",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
