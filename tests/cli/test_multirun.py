"""`-m`: jobs told apart, checked before the first starts, each on its own, one table at the end."""

import json

import pytest

from seizure.cli.command import Verb
from seizure.cli.compose import load
from seizure.cli.multirun import begin, expand, refuse_processes
from seizure.cli.sweep import read_results
from seizure.config import PredictConfig, TrainConfig
from seizure.schema import ConfigError


def begun(*overrides):
    return begin("train", TrainConfig, overrides)


def test_every_combination_is_a_job_and_the_rest_is_the_same_for_all():
    jobs = expand(["seed=1,2", "model=pico,base", "run=a", "model.encoder.channels=[4,8]"])
    assert len(jobs) == 4
    assert jobs[0] == ("seed=1", "model=pico", "run=a", "model.encoder.channels=[4,8]")
    assert len(set(jobs)) == 4
    assert expand(["seed=1"]) == [("seed=1",)]


def test_an_interval_needs_something_that_chooses():
    with pytest.raises(ConfigError, match=r"interval\(0,1\).*list them.*\+sweep=optuna"):
        expand(["model.dropout=interval(0,1)"])


def test_one_wrong_job_stops_a_sweep_before_its_first():
    with pytest.raises(ConfigError, match=r"job 1 \(trainer.max_epochs=0\): .*at least 1"):
        begun("trainer.max_epochs=3,0", "seed=5")


def test_the_folder_is_known_before_the_start(tmp_path):
    assert begun(f"hydra.sweep.dir={tmp_path}", "seed=1,2").folder == tmp_path
    assert begun(f"hydra.sweep.dir={tmp_path}", "seed=1,2").n_jobs == 2


@pytest.mark.parametrize(
    "given",
    [("trainer.devices=1,2", "trainer.strategy=ddp"), ("+hw=a100x8",), ("trainer.num_nodes=2",)],
)
def test_processes_that_would_start_the_sweep_again_are_refused(given):
    with pytest.raises(ConfigError, match=r"launcher=joblib.*submitit_slurm.*without -m"):
        begun("seed=1,2", *given)


def test_processes_that_slurm_starts_are_not():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    assert begun("seed=1,2", "+sweep=slurm", "trainer.devices=2").n_jobs == 2
    refuse_processes(1, 1, "ddp")


def test_a_missing_plugin_is_said_with_the_command_that_installs_it():
    with pytest.raises(ConfigError, match=r"hydra/launcher/ray.*pip install 'seizure\[sweep\]'"):
        begun("seed=1,2", "hydra/launcher=ray")


@pytest.mark.parametrize("sweep", ["optuna", "parallel", "slurm"])
def test_every_sweep_composes_and_changes_no_value_of_a_run(sweep):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    assert load("train", TrainConfig, [f"+sweep={sweep}", "run=r"]) == load(
        "train", TrainConfig, ["run=r"]
    )


def test_several_values_without_m_are_refused_in_words(command):
    ended = command(JUDGED, "on_threshold=0.4,0.6", *NEEDED)
    assert ended.code == 2
    assert "on_threshold=0.4,0.6: found several values; add -m" in ended.err


def judged(config):
    """A verb of which one job fails: the objective is the threshold."""
    if config.on_threshold > 0.85:
        raise ZeroDivisionError(f"too high, {config.on_threshold}")
    return config.on_threshold


JUDGED = Verb("predict", PredictConfig, "", (), judged)
NEEDED = ("input=x.edf", "checkpoint=x.ckpt")


@pytest.mark.parametrize(
    "launcher",
    [
        (),
        ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        # Started by submitit as SLURM would start it, in a process that knows nothing of this one.
        ("hydra/launcher=submitit_local",),
    ],
    ids=["basic", "joblib", "submitit"],
)
def test_one_failed_job_does_not_end_the_others(launcher, command, tmp_path):
    if launcher:
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    ended = command(
        JUDGED, "-m", "on_threshold=0.4,0.9,0.6", *NEEDED, f"hydra.sweep.dir={tmp_path}", *launcher
    )
    assert ended.code == 1
    results = read_results(tmp_path)
    assert [result.status for result in results] == ["finished", "failed", "finished"]
    assert [result.objective for result in results] == [0.4, None, 0.6]
    assert "best: job 2 with 0.6000: on_threshold=0.6" in ended.out
    assert "job 1 failed: ZeroDivisionError: too high, 0.9" in ended.out
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [entry["status"] for entry in kept] == ["finished", "failed", "finished"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_optuna_maximises_the_objective_and_outlives_failed_trials(command, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    ended = command(
        JUDGED,
        "-m",
        "hydra/sweeper=optuna",
        "hydra.sweeper.direction=maximize",
        "hydra.sweeper.max_failure_rate=1.0",
        "hydra.sweeper.n_jobs=1",
        "hydra.sweeper.n_trials=8",
        "hydra.sweeper.sampler.seed=0",
        "on_threshold=interval(0.2,1.0)",
        *NEEDED,
        f"hydra.sweep.dir={tmp_path}",
    )
    assert ended.code == 1
    results = read_results(tmp_path)
    objectives = [result.objective for result in results if result.objective is not None]
    assert len(results) == 8
    assert 0 < len(objectives) < 8
    best = (tmp_path / "optimization_results.yaml").read_text()
    assert f"best_value: {max(objectives)}" in best


def test_a_sweep_of_commands_without_an_objective_is_tabulated_too(command, tmp_path):
    verb = Verb("predict", PredictConfig, "", (), lambda config: 1 if config.batch_size == 2 else 0)
    ended = command(verb, "-m", "batch_size=1,2", *NEEDED, f"hydra.sweep.dir={tmp_path}")
    assert ended.code == 1
    assert [result.status for result in read_results(tmp_path)] == ["finished", "failed"]
    assert "ended with exit code 1" in ended.out
