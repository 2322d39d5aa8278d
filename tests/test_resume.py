"""A run killed at any moment goes on as if nothing had happened: the same weights and metrics."""

import csv
import multiprocessing
import os
import random
import signal
import threading
import time

import pytest
import torch

from seizure import train
from seizure.callbacks.checkpoint import BEST, LAST
from seizure.cli.run_folder import RunFolder
from seizure.learning.module import DetectionModule

# Of another run no two are alike: what they measure is time.
TIMED = ("throughput/", "precision/", "memory/")


def rows_of(run):
    """The rows of metrics without the columns that measure time; those of nothing else are left
    out."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            {name: value for name, value in row.items() if value and not name.startswith(TIMED)}
            for row in csv.DictReader(file)
        ]
    return [row for row in rows if row.keys() - {"step", "epoch"}]


def assert_equal_runs(run, expected):
    """Equal weights in both checkpoints, equal metrics and equal scores."""
    for name in (BEST, LAST):
        found = torch.load(run / "checkpoints" / name, weights_only=True)
        wanted = torch.load(expected / "checkpoints" / name, weights_only=True)
        assert found["global_step"] == wanted["global_step"], name
        assert found["state_dict"].keys() == wanted["state_dict"].keys()
        for key, value in wanted["state_dict"].items():
            assert torch.equal(found["state_dict"][key], value), (name, key)
    assert rows_of(run) == rows_of(expected)
    assert (run / "scores.json").read_bytes() == (expected / "scores.json").read_bytes()


# A checkpoint after nearly every batch, so that kills fall into their writing too.
OFTEN = (
    "trainer.max_epochs=10",
    "trainer.deterministic=true",
    "trainer.log_every_n_steps=1",
    "callbacks.patience=10",
    "callbacks.checkpoint_every_min=1e-6",
    "logger.flush_every_n_steps=3",
)


def killed_after(config, n_batches, more):
    """Trains, and is killed `more` mean batches after it has begun to learn from so many.

    Counted in batches, since a clock would find another moment on a machine that is busy.
    """
    begun_at = []
    learn = DetectionModule.learn

    def counted(*arguments):
        begun_at.append(time.monotonic())
        if len(begun_at) == n_batches:
            each_s = (begun_at[-1] - begun_at[0]) / (n_batches - 1)
            threading.Timer(more * each_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return learn(*arguments)

    DetectionModule.learn = counted
    train.main(config)


@pytest.fixture(scope="module")
def started(quick, trained):
    """Starts a run in a process forked from one that has imported everything."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["seizure.train"])

    def start(name, target=train.main, *arguments):
        process = forks.Process(
            target=target, args=(quick.config(*OFTEN, f"run={name}"), *arguments)
        )
        process.start()
        process.join()
        return process.exitcode

    return start


@pytest.mark.slow
def test_a_run_killed_five_times_ends_with_the_bits_of_one_left_alone(quick, started):
    alone, run = quick.runs / "alone", quick.runs / "killed"
    assert started(alone.name) == 0
    # Forty batches: five times six and two more end before the last.
    moments = random.Random(0)
    for _ in range(5):
        n_batches, more = moments.randint(3, 6), moments.uniform(0.01, 2)
        assert started(run.name, killed_after, n_batches, more) == -signal.SIGKILL
        assert not RunFolder(run).is_finished
    assert started(run.name) == 0
    assert (run / "train.log").read_text(encoding="utf-8").count("continuing from") == 5
    assert_equal_runs(run, alone)
    assert not list(run.rglob(".*.writing"))
