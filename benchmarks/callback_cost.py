"""Claim: heartbeat, precision, throughput and guard cost at most 1 % of an epoch of `pico`.

    python benchmarks/callback_cost.py
    python benchmarks/callback_cost.py --pairs 40 --model electrode_pico

Short epochs with and without the four, in turn and in changing order, after one of each that is not
counted; the ratio of each pair, in processor time of the process and on the clock. Since a busy
machine moves an epoch by more than what is looked for, the processor time that passes inside the
four is also added up, hook by hook.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from seizure import build
from seizure.callbacks.clock import StageClock
from seizure.callbacks.guard import Guard
from seizure.callbacks.heartbeat import Heartbeat
from seizure.callbacks.metrics_file import MetricsFile
from seizure.callbacks.precision import PrecisionWatch
from seizure.callbacks.random_state import RandomState
from seizure.callbacks.throughput import Throughput
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.prepare import prepare_corpus
from seizure.train import datamodule

_SPENT_S = [0.0]


def counted(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose processor time is added to the sum, but for what it calls on its way."""

    @wraps(method)
    def measured(*arguments: Any, **named: Any) -> Any:
        started, inner = time.thread_time(), _SPENT_S[0]
        try:
            return method(*arguments, **named)
        finally:
            # A hook that is counted inside another one is counted once.
            _SPENT_S[0] = inner + time.thread_time() - started

    return measured


def count_hooks_of(callback: pl.Callback) -> pl.Callback:
    """The callback, each of its own hooks counted."""
    for name in dir(callback):
        if name.startswith("on_") and name in vars(type(callback)):
            setattr(callback, name, counted(getattr(callback, name)))
    return callback


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--batches", type=int, default=8, help="of training; half to validate")
    parser.add_argument("--windows", type=int, default=8, help="in a batch")
    parser.add_argument("--model", default="pico")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), options)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Run the pairs and print their ratios."""
    config = load(
        "train",
        TrainConfig,
        [
            f"model={options.model}",
            f"paths.data={folder}",
            "corpus.spec={seed: 1, train_hours: 0.5, dev_hours: 0.3, eval_hours: 0.2}",
            "corpus.spec.recording_min=3",
            f"loader.batch_size={options.windows}",
            f"loader.scoring_batch_size={options.windows}",
            "trainer.accelerator=cpu",
        ],
    )
    corpus = prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)

    def epoch(number: int, watching: Sequence[pl.Callback]) -> tuple[float, float]:
        """Seconds of processor time and on the clock."""
        pl.seed_everything(0, verbose=False)
        data = datamodule(config, corpus)
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            limit_train_batches=options.batches,
            limit_val_batches=max(1, options.batches // 2),
            log_every_n_steps=options.batches,
            num_sanity_val_steps=0,
            gradient_clip_val=0.5,
            callbacks=[RandomState(), *watching],
            logger=MetricsFile(folder / f"run{number}", 20),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        module = build.module(config, data, {})
        started, worked = time.perf_counter(), time.process_time()
        trainer.fit(module, data)
        return time.process_time() - worked, time.perf_counter() - started

    def four() -> list[pl.Callback]:
        watching = (Heartbeat(), PrecisionWatch("32-true"), Throughput(60.0), Guard(folder))
        return [count_hooks_of(callback) for callback in watching]

    StageClock.start = counted(StageClock.start)
    StageClock.stop = counted(StageClock.stop)
    ratios: list[tuple[float, float]] = []
    inside: list[float] = []
    for number in range(options.pairs + 1):
        cost: dict[bool, tuple[float, float]] = {}
        for watched in (True, False) if number % 2 else (False, True):
            _SPENT_S[0] = 0.0
            cost[watched] = epoch(2 * number + watched, four() if watched else [])
            if watched and number:
                inside.append(_SPENT_S[0] / cost[True][0])
        if number:
            ratios.append((cost[True][0] / cost[False][0], cost[True][1] / cost[False][1]))
    print(f"{options.model}, {options.pairs} pairs of epochs of {options.batches} batches")
    for name, values in zip(("processor time", "clock"), zip(*ratios, strict=True), strict=True):
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"  with / without, {name:14s} {middle:.4f}, quartiles {low:.4f} to {high:.4f}")
    print(
        f"  inside the four {100 * statistics.median(inside):.3f} % of an epoch's processor time, "
        f"at most {100 * max(inside):.3f} %"
    )


if __name__ == "__main__":
    main()
