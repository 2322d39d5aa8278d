"""A run killed at any moment goes on as if nothing had happened: the same weights and metrics."""

import csv
import multiprocessing
import random
import time

import pytest
import torch

from seizure import train
from seizure.callbacks.checkpoint import BEST, LAST
from seizure.cli.run_folder import RunFolder

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


# A checkpoint every 60 ms: nearly every batch, so that kills fall into their writing too.
OFTEN = (
    "trainer.max_epochs=10",
    "trainer.deterministic=true",
    "trainer.log_every_n_steps=1",
    "callbacks.patience=10",
    "callbacks.checkpoint_every_min=0.001",
    "logger.flush_every_n_steps=3",
)


@pytest.fixture(scope="module")
def started(quick, trained):
    """Starts a run in a process forked from one that has imported everything."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["seizure.train"])

    def start(name, *more):
        config = quick.config(*OFTEN, *more, f"run={name}")
        process = forks.Process(target=train.main, args=(config,))
        process.start()
        return process

    return start


def wait_until(process, log_file, line):
    """Returns once the run has said `line`; fails if it ends without."""
    while not (log_file.is_file() and line in log_file.read_text(encoding="utf-8")):
        assert process.is_alive(), f"ended without {line!r}"
        time.sleep(0.005)


@pytest.mark.slow
def test_a_run_killed_five_times_ends_with_the_bits_of_one_left_alone(quick, started):
    alone, run = quick.runs / "alone", quick.runs / "killed"
    process = started(alone.name)
    wait_until(process, alone / "train.log", "training, epoch 2 of 10 starts")
    began = time.monotonic()
    process.join()
    epoch_s = (time.monotonic() - began) / 9
    assert process.exitcode == 0

    moments = random.Random(0)
    for epoch in (1, 2, 4, 6, 8):
        process = started(run.name)
        wait_until(process, run / "train.log", f"training, epoch {epoch} of 10 starts")
        time.sleep(moments.uniform(0, 1.5) * epoch_s)
        process.kill()
        process.join()
        assert not RunFolder(run).is_finished
    process = started(run.name)
    process.join()
    assert process.exitcode == 0
    assert (run / "train.log").read_text(encoding="utf-8").count("continuing from") >= 4
    assert_equal_runs(run, alone)
    assert not list(run.rglob(".*.writing"))
