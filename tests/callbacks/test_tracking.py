"""TensorBoard and Weights & Biases get a run's figures and its report's pictures, in its folder."""

import importlib.util
import re

import pytest

from seizure import build, train
from seizure.cli.run_folder import RunFolder
from seizure.schema import ConfigError
from tests.test_resume import rows_of

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="the extra tensorboard is not installed"
)
needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="the extra wandb is not installed"
)


@needs_tensorboard
def test_tensorboard_holds_what_the_csv_file_holds_and_the_pictures(quick, trained, command):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    given = quick.overrides("run=watched", "logger=tensorboard", "trainer.max_epochs=1")
    assert command(train.VERB, *given).code == 0
    run = quick.runs / "watched"
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    for name in ("train/loss_step", "train/lr", "train/loss_epoch", "val/loss", "val/auroc"):
        rows = [row for row in rows_of(run) if name in row]
        assert rows
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert found == [(int(row["step"]), pytest.approx(float(row[name]))) for row in rows]
    pictures = {f"report/{path.stem}" for path in run.glob("*.png")}
    assert pictures
    assert set(events.Tags()["images"]) == pictures


@needs_tensorboard
def test_a_second_sitting_takes_back_what_it_logs_again(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from seizure.callbacks.tracking import TensorBoard

    for first_step, values in ((0, (1.0, 2.0, 3.0)), (1, (5.0, 6.0))):
        logger = TensorBoard(tmp_path)
        if first_step:
            logger.continue_from(first_step)
        for step, value in enumerate(values, first_step):
            logger.log_metrics({"loss": value}, step=step)
        logger.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(0, 1.0), (1, 5.0), (2, 6.0)]


@needs_wandb
@pytest.mark.slow
def test_wandb_keeps_a_run_offline_in_its_folder_and_closes_it(
    quick, trained, command, monkeypatch
):
    import wandb

    monkeypatch.delenv("WANDB_MODE", raising=False)
    given = quick.overrides("run=tracked", "logger=wandb", "trainer.max_epochs=1")
    assert command(train.VERB, *given).code == 0
    assert wandb.run is None
    (kept,) = (quick.runs / "tracked" / "wandb").glob("offline-run-*")
    (written,) = kept.glob("run-tracked.wandb")
    assert b"val/auroc" in written.read_bytes()
    pictures = {path.stem for path in (quick.runs / "tracked").glob("*.png")}
    there = {path.stem.rsplit("_", 2)[0] for path in (kept / "files").rglob("*.png")}
    assert there == pictures


@needs_wandb
def test_the_environment_s_wandb_mode_comes_first(quick, tmp_path, monkeypatch):
    from seizure.callbacks.tracking import WeightsAndBiases

    monkeypatch.setenv("WANDB_MODE", "disabled")
    logger = WeightsAndBiases(tmp_path, "seizure", "offline", {"seed": 0})
    logger.log_metrics({"loss": 1.0}, step=0)
    assert logger.experiment.disabled
    logger.close()
    assert not list(tmp_path.rglob("*.wandb"))


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_package_that_is_missing_is_named_with_its_extra(quick, tmp_path, monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    settings = quick.config(f"logger={name}").logger
    with pytest.raises(ConfigError, match=re.escape(f"pip install 'seizure[{name}]'")):
        build.loggers(settings, RunFolder(tmp_path), {})
