"""A training run from an empty folder to its report, stopped, continued and refused."""

import csv
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest
import torch
import yaml

from seizure import train
from seizure.callbacks.checkpoint import BEST, LAST
from seizure.cli.run_folder import RunFolder
from seizure.config import Callbacks, TrainConfig
from seizure.schema import ConfigError, parse

PNG = b"\x89PNG\r\n\x1a\n"


def snapshot(folder):
    """Each file with its time of change."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def weights_of(checkpoint):
    return torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]


def metrics_of(run):
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class SignalOnLine(logging.Handler):
    """Sends this process SIGINT, as Ctrl-C does, when the run says a certain line."""

    def __init__(self, pattern):
        super().__init__()
        self.pattern = pattern

    def emit(self, record):
        if re.search(self.pattern, record.getMessage()):
            os.kill(os.getpid(), signal.SIGINT)


# What a run leaves


def test_a_run_leaves_the_documented_files(quick, trained):
    left = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    assert {
        "config.yaml",
        "environment.json",
        "metrics.csv",
        "train.log",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "checkpoints/best.operating_point.json",
        "scores.json",
        "report.md",
        "report.html",
        "curve.csv",
        "checkpoints/best.temperature.json",
        "tracks/detector.json",
        "finished",
    } <= left
    assert not [name for name in left if name.endswith((".tmp", ".writing", ".part"))]


def test_the_kept_configuration_is_the_one_that_was_given(quick, trained):
    kept = yaml.safe_load((trained / "config.yaml").read_text(encoding="utf-8"))
    assert parse(TrainConfig, kept) == quick.config("run=trained")


def test_the_environment_says_which_versions_decided_the_numbers(trained):
    kept = json.loads((trained / "environment.json").read_text(encoding="utf-8"))
    assert kept["packages"]["torch"] == torch.__version__
    assert kept["packages"]["timescoring"] == "0.0.7"


def test_each_epoch_has_its_row_of_metrics(trained):
    scored = [row for row in metrics_of(trained) if row["val/loss"]]
    assert [row["epoch"] for row in scored] == ["0", "1"]
    for row in scored:
        assert 0 <= float(row["val/auroc"]) <= 1
        assert 0 <= float(row["val/sensitivity_at_10fa"]) <= 1
    assert [row["epoch"] for row in metrics_of(trained) if row["train/loss_epoch"]] == ["0", "1"]


def test_what_a_run_may_be_judged_by_is_what_a_validation_gives(trained):
    given = {name for name in metrics_of(trained)[0] if name.startswith("val/")}
    # Of the loss, lower would be better.
    assert given - {"val/loss"} == set(get_args(get_type_hints(Callbacks)["monitor"]))


def test_the_report_shows_figures_that_exist_and_says_that_the_eeg_is_synthetic(trained):
    text = (trained / "report.md").read_text(encoding="utf-8")
    assert "synthetic EEG" in text.splitlines()[0]
    figures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert {"curve.png", "seizure.png", "losses.png", "reliability.png"} <= set(figures)
    for figure in figures:
        content = (trained / figure).read_bytes()
        assert content.startswith(PNG)
        assert len(content) > 5_000, figure


def test_every_eval_recording_has_its_events_in_both_formats(quick, trained):
    stems = {path.stem for path in (quick.corpus / "edf" / "eval").rglob("*.edf")}
    assert stems
    for suffix in (".csv_bi", ".tsv"):
        assert {path.stem for path in (trained / "events").glob(f"*{suffix}")} == stems


def test_checkpoints_are_plain_weights(quick, trained):
    for name in (BEST, LAST):
        # weights_only refuses anything that could run code.
        content = torch.load(trained / "checkpoints" / name, weights_only=True)
        configuration = dict(content["hyper_parameters"]["configuration"])
        assert len(configuration.pop("channel_names")) == 19
        assert parse(TrainConfig, configuration) == quick.config("run=trained")


# The same command again


def test_the_same_command_again_says_finished_and_does_nothing(quick, trained, command):
    before = snapshot(trained)
    ended = command(train.VERB, *quick.overrides("run=trained"))
    assert ended.code == 0
    assert "run trained is finished" in ended.out
    after = snapshot(trained)
    # Its log takes down that it was asked.
    assert {path for path in after if after[path] != before.get(path)} <= {trained / "train.log"}


def test_a_second_run_rebuilds_nothing_and_the_same_seed_gives_the_same_scores(
    quick, trained, command
):
    before = snapshot(quick.folder / "data")
    ended = command(train.VERB, *quick.overrides("run=second"))
    assert ended.code == 0
    assert " 0 prepared now" in ended.out
    assert snapshot(quick.folder / "data") == before
    for name in ("scores.json", "events"):
        one, other = trained / name, quick.runs / "second" / name
        files = sorted(one.iterdir()) if one.is_dir() else [one]
        for file in files:
            twin = other / file.name if one.is_dir() else other
            assert file.read_bytes() == twin.read_bytes(), file


def test_a_run_of_that_name_with_another_configuration_is_refused(quick, trained, command):
    before = snapshot(trained)
    ended = command(train.VERB, *quick.overrides("run=trained", "optimisation.lr=0.1", "seed=3"))
    assert ended.code == 2
    before_lr = quick.config().optimisation.lr
    assert f"optimisation.lr was {before_lr}, now 0.1" in ended.err
    assert "seed was 0, now 3" in ended.err
    assert "another run=NAME" in ended.err
    assert snapshot(trained) == before


def test_where_things_lie_may_change_between_the_sittings_of_a_run(quick, trained):
    folder = RunFolder(trained)
    kept = yaml.safe_load((trained / "config.yaml").read_text(encoding="utf-8"))
    folder.open({**kept, "prepare": {"jobs": 7}})
    with pytest.raises(ConfigError, match="seed was 0, now 1"):
        folder.open({**kept, "seed": 1})


# Stopped and continued


def test_a_run_stopped_and_continued_ends_with_the_weights_and_scores_of_one_left_alone(
    quick, trained
):
    config = quick.config("run=stopped")
    handler = SignalOnLine(r"^training, epoch 2 of 2 starts")
    logging.getLogger("seizure").addHandler(handler)
    logging.getLogger("seizure").setLevel(logging.INFO)
    with pytest.raises(SystemExit) as stop:
        train.main(config)
    logging.getLogger("seizure").removeHandler(handler)
    run = quick.runs / "stopped"
    assert stop.value.code == 130
    assert (run / "checkpoints" / LAST).is_file()
    assert not (run / "finished").exists()

    train.main(config)
    assert (run / "finished").is_file()
    for name in (BEST, LAST):
        expected = weights_of(trained / "checkpoints" / name)
        found = weights_of(run / "checkpoints" / name)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            assert torch.equal(value, found[key]), (name, key)
    assert (run / "scores.json").read_bytes() == (trained / "scores.json").read_bytes()
    losses = [
        [row["val/loss"] for row in metrics_of(folder) if row["val/loss"]]
        for folder in (run, trained)
    ]
    assert losses[0] == losses[1]


def test_a_stopped_sweep_says_the_command_that_goes_on(quick, trained, command, tmp_path):
    sweep = tmp_path / "sweep"
    given = quick.overrides(f"hydra.sweep.dir={sweep}", "trainer.gradient_clip_val=0.5")
    stop = SignalOnLine(r"^training, epoch 2 of 2 starts")
    ended = command(train.VERB, "-m", "seed=1,2", *given, listening=stop)
    assert ended.code == 130
    line = next(line for line in ended.out.splitlines() if "to go on: " in line)
    python, option, module, *rest = shlex.split(line.split("to go on: ")[1])
    assert (python, option, module) == ("python", "-m", "seizure.train")
    ended = command(train.VERB, *rest)
    assert ended.code == 0
    assert f"continuing from {sweep / '0'}" in ended.out
    assert all((sweep / job / "finished").is_file() for job in ("0", "1"))


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_the_command_that_goes_on(quick, trained, tmp_path):
    overrides = quick.overrides("run=interrupted", "trainer.max_epochs=3")
    arguments = [sys.executable, "-m", "seizure.train", *overrides]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "training, epoch 1 of 3 starts" in line:
            process.send_signal(signal.SIGINT)
            break
    said = process.stdout.read()
    assert process.wait(timeout=60) == 130, said
    assert "Traceback" not in said
    run = quick.runs / "interrupted"
    assert (run / "checkpoints" / LAST).is_file()
    commands = [line.split("to go on: ")[1] for line in said.splitlines() if "to go on: " in line]
    assert len(commands) == 1
    python, *rest = shlex.split(commands[0])
    assert python == "python"
    done = subprocess.run(
        [sys.executable, *rest], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"continuing from {run / 'checkpoints' / LAST}" in done.stdout
    assert (run / "finished").is_file()
    assert [row["epoch"] for row in metrics_of(run) if row["val/loss"]] == ["0", "1", "2"]


# What is in the way


@pytest.fixture
def copied(quick, trained, tmp_path):
    """A copy of the corpus that may be spoilt, and the overrides to train on it."""
    corpus = tmp_path / "corpus"
    # Links: what is spoilt must be unlinked first.
    shutil.copytree(quick.corpus, corpus, copy_function=os.link)
    overrides = [
        "corpus=tusz",
        *[o for o in quick.overrides() if not o.startswith("corpus.spec")],
        f"corpus.root={corpus}",
        f"paths.data={tmp_path / 'data'}",
        f"paths.runs={tmp_path / 'runs'}",
        "run=on-a-copy",
        "trainer.max_epochs=1",
    ]
    return corpus / "edf", overrides


def test_a_split_without_recordings_is_said_before_training(copied, command):
    splits, overrides = copied
    shutil.rmtree(splits / "dev")
    ended = command(train.VERB, *overrides)
    assert ended.code == 2
    assert "no usable recording in dev" in ended.err
    assert "training, epoch" not in ended.out


def test_a_dev_without_seizures_is_said_before_training(copied, command):
    splits, overrides = copied
    for annotation in (splits / "dev").rglob("*.csv_bi"):
        background = re.sub("(?m)^TERM.*$", "TERM,0.0,1.0,bckg,1.0", annotation.read_text())
        annotation.unlink()
        annotation.write_text(background)
    ended = command(train.VERB, *overrides)
    assert ended.code == 2
    assert "no annotated seizure in the" in ended.err
    assert "training, epoch" not in ended.out


def test_a_corrupt_file_is_left_out_and_the_run_goes_on(copied, command, tmp_path):
    splits, overrides = copied
    broken = sorted((splits / "train").rglob("*.edf"))[0]
    broken.unlink()
    broken.write_bytes(b"0       " + bytes(100))
    ended = command(train.VERB, *overrides)
    assert ended.code == 0
    assert f"left out: {broken.stem}: " in ended.out
    run = tmp_path / "runs" / "on-a-copy"
    assert (run / "finished").is_file()
    assert f"Left out: {broken.stem}: " in (run / "report.md").read_text(encoding="utf-8")
