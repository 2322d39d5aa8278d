"""Every model, objective, experiment and option becomes a run that takes a step on real files."""

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from seizure import build, train
from seizure.callbacks.checkpoint import LAST
from seizure.cli.command import conf_folder, load
from seizure.cli.run_folder import RunFolder
from seizure.config import TrainConfig
from seizure.prepare import prepare_corpus
from seizure.schema import ConfigError
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing
from tests.test_resume import rows_of

GROUPS = {
    group: sorted(p.stem for p in (conf_folder() / group).glob("*.yaml"))
    for group in ("model", "objective", "experiment", "preprocess", "augmentation")
}


# What an experiment may have set for a larger machine.
SMALL = (
    "model.node={d_model: 16, n_layers: 1, d_state: 8, d_conv: 4, expand: 2, headdim: 4}",
    "model.edge={d_model: 8, n_layers: 1, d_state: 8, d_conv: 4, expand: 2, headdim: 2, every: 4}",
    "callbacks.monitor=val/auroc",
)


@pytest.mark.parametrize(
    "choice",
    [
        *(f"objective={name}" for name in GROUPS["objective"]),
        *(f"+experiment={name}" for name in GROUPS["experiment"]),
        *(f"preprocess={name}" for name in GROUPS["preprocess"]),
        *(f"augmentation={name}" for name in GROUPS["augmentation"]),
        "preprocess.phase=zero",
        "windows.normalisation=standard",
        "windows.normalised_per=window",
        "windows.target_rate_hz=16",
        "windows.ignore_after_s=30",
        "windows.soft_border_s=2",
        "objective.alpha=null objective=focal",
        "optimisation.ema_decay=0.9",
        "trainer.recompute_streams=true",
        "trainer.accumulate_grad_batches=2",
        "model.graph.backend=pyg",
        "model.graph.encoding=random_walk",
        "model.graph.encoding=dynamic",
        "+hw=local",
    ],
)
def test_every_choice_takes_a_step_on_synthetic_edf(quick, trained, choice, tmp_path):
    # The synthetic corpus is read like TUSZ, of which there is nothing to specify.
    specified = [o for o in quick.overrides() if "tusz" not in choice or "corpus.spec" not in o]
    config = load(
        "train",
        TrainConfig,
        [
            *choice.split(),
            *specified,
            *SMALL,
            f"run={tmp_path.name}",
            "trainer.max_epochs=1",
            "trainer.limit_train_batches=1",
            "trainer.limit_val_batches=1",
        ],
    )
    assert_takes_a_step(config, tmp_path)


@pytest.mark.parametrize("name", GROUPS["experiment"])
def test_an_experiment_is_a_small_diff_headed_by_its_command(name):
    lines = (conf_folder() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    header = " ".join(line for line in lines if line.startswith("#"))
    assert f"python -m seizure.train +experiment={name}" in header


def test_one_batch_is_learnt_by_heart(quick, trained):
    # The corpus of minutes in place of the experiment's own; a network half as deep.
    config = load(
        "train",
        TrainConfig,
        [
            "+experiment=overfit",
            *(o for o in quick.overrides() if not o.startswith(("balance.", "trainer.max"))),
            "balance.windows_per_epoch=4",
            "balance.repeats=40",
            "trainer.log_every_n_steps=1",
            "run=overfit",
        ],
    )
    corpus = prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    folder = RunFolder(quick.runs / "overfit")
    folder.checkpoints.mkdir(parents=True)
    train.fit(config, folder, corpus)
    losses = [float(row["train/loss_step"]) for row in rows_of(folder.path) if len(row) == 4]
    assert losses[0] > 0.1
    assert losses[-1] < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("model", GROUPS["model"])
def test_every_model_at_its_own_size_takes_a_step_on_synthetic_edf(quick, trained, model, tmp_path):
    sizes = [o for o in quick.overrides() if not o.startswith(("model.", "windows."))]
    config = load(
        "train",
        TrainConfig,
        [
            f"model={model}",
            *sizes,
            f"run={tmp_path.name}",
            # A whole number of edge steps of every model, and short: base is meant for a GPU.
            "windows.window_s=10",
            "windows.scoring_stride_s=10",
            "loader.batch_size=2",
            # One batch must hold a whole recording: only such are scored.
            "loader.scoring_batch_size=16",
            "trainer.max_epochs=1",
            "trainer.limit_train_batches=1",
            "trainer.limit_val_batches=1",
        ],
    )
    assert_takes_a_step(config, tmp_path)


def test_a_compiled_network_keeps_its_class_and_the_names_of_its_weights(
    quick, tiny_cache, tmp_path
):
    plain, compiled = (
        build.module(
            quick.config(f"trainer.compile={backend}"),
            WindowDataModule(*tiny_cache, Windowing(), Balance(), Loading(batch_size=4), seed=0),
            {},
        )
        for backend in ("null", "aot_eager")
    )
    assert type(compiled.network) is type(plain.network)
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    # Tracing the detector itself takes a minute; its first layers are as good.
    compiled.network = nn.Sequential(nn.Conv1d(19, 1, 9, padding=4), nn.Flatten(1))
    compiled.network.compile(backend="aot_eager")
    trainer = pl.Trainer(
        max_steps=2,
        limit_val_batches=0,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        default_root_dir=tmp_path,
        use_distributed_sampler=False,
    )
    data = WindowDataModule(*tiny_cache, Windowing(), Balance(), Loading(batch_size=4), seed=0)
    trainer.fit(compiled, data)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    kept = torch.load(tmp_path / "a.ckpt", weights_only=True)["state_dict"]
    assert set(kept) == {"network.0.weight", "network.0.bias"}


def test_a_compiler_that_does_not_exist_is_named():
    build.check_backend("inductor")
    build.check_backend(None)
    with pytest.raises(ConfigError, match="found 'inducter', expected null"):
        build.check_backend("inducter")


def assert_takes_a_step(config, tmp_path):
    """One batch, one validation batch, a checkpoint whose weights are numbers."""
    corpus = prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    train.fit(config, folder, corpus)
    last = folder.checkpoints / LAST
    assert build.module_from(last)[1] == config
    content = torch.load(last, weights_only=True)
    assert content["global_step"] == 1
    for name, value in content["state_dict"].items():
        assert torch.isfinite(value.float()).all(), name


@pytest.mark.parametrize("objective", GROUPS["objective"])
def test_the_loss_compares_at_the_rate_of_the_targets(tiny_cache, objective):
    config = load("train", TrainConfig, [f"objective={objective}"])
    per_target, at_16_hz = (
        build.loss(
            config.objective,
            WindowDataModule(
                *tiny_cache, Windowing(target_rate_hz=rate_hz), Balance(), Loading(), seed=0
            ),
        )
        for rate_hz in (None, 16.0)
    )
    logits = torch.tensor([[0.0] * 8 + [4.0] * 8 + [3.0] * 16])
    target = torch.tensor([[0] * 20 + [1] * 12])
    counts = torch.ones((1, 32), dtype=torch.bool)
    expected = per_target(torch.tensor([[2.0, 3.0]]), torch.tensor([[0, 1]]), counts[:, :2])
    torch.testing.assert_close(at_16_hz(logits, target, counts), expected)
    assert not torch.allclose(per_target(logits, target, counts), expected)
