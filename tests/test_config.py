"""The schema refuses what nothing reads, names the nearest key, and agrees with conf/."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

import pytest
from omegaconf import OmegaConf

from seizure.cli.command import check_overrides, compose, conf_folder, load, plain
from seizure.config import EvaluateConfig, PredictConfig, PrepareConfig, TrainConfig
from seizure.eeg.filtering import Preprocessing
from seizure.events.decide import Postprocessing
from seizure.learning.spec import Augmentation
from seizure.schema import ConfigError, parse, to_plain
from seizure.windows.spec import Windowing

MODELS = sorted(p.stem for p in (conf_folder() / "model").glob("*.yaml"))
OBJECTIVES = sorted(p.stem for p in (conf_folder() / "objective").glob("*.yaml"))
AUGMENTATIONS = sorted(p.stem for p in (conf_folder() / "augmentation").glob("*.yaml"))
HARDWARE = sorted(p.stem for p in (conf_folder() / "hw").glob("*.yaml"))
EXPERIMENTS = sorted(p.stem for p in (conf_folder() / "experiment").glob("*.yaml"))


@pytest.mark.parametrize(
    "override",
    [
        *(f"model={name}" for name in MODELS),
        *(f"objective={name}" for name in OBJECTIVES),
        *(f"augmentation={name}" for name in AUGMENTATIONS),
        *(f"+hw={name}" for name in HARDWARE),
        *(f"+experiment={name}" for name in EXPERIMENTS),
    ],
)
def test_every_choice_of_every_group_composes_and_checks(override):
    overrides = [override, "corpus.root=somewhere"]
    assert isinstance(load("train", TrainConfig, overrides), TrainConfig)


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("trainer.max_epoch=2", "trainer.max_epochs"),
        ("+trainer.max_epoch=2", "trainer.max_epochs"),
        ("+typo_of.max_epochs=2", "trainer.max_epochs"),
        ("++loader.batchsize=2", "loader.batch_size"),
        ("modle=base", "model"),
        ("+mdoel.dropout=0.2", "model.dropout"),
    ],
)
def test_an_unknown_key_fails_and_names_the_nearest(override, nearest):
    with pytest.raises(ConfigError, match=f"nearest known key is '{nearest}'"):
        load("train", TrainConfig, [override])


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("corpus.root=a(b", r"""write 'corpus\.root="a\(b"', with both pairs of quotes"""),
        ("corpus.root", r"corpus\.root: cannot be understood.*write key=value"),
    ],
)
def test_what_hydra_cannot_read_is_named_with_the_fix(override, reason):
    with pytest.raises(ConfigError, match=reason):
        load("train", TrainConfig, [override])


def test_a_key_of_another_member_of_the_group_is_unknown():
    values = plain(compose("train", ["objective=cross_entropy"]))
    values["objective"]["gamma"] = 2.0
    with pytest.raises(ConfigError, match=r"unknown key 'objective\.gamma'"):
        parse(TrainConfig, values)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_epochs=0", "max_epochs must be at least 1"),
        ("trainer.max_epochs=many", "trainer.max_epochs: .*found 'many'"),
        ("windows.scoring_stride_s=90", "would never be scored"),
        ("preprocess.band_high_hz=200", "band_high_hz"),
        ("windows.window_s=60.5", "whole number of edge steps"),
        ("windows.stride_s=10.01", "stride_s must be a whole number of frames"),
        ("track_rate_hz=15", "whole multiple of track_rate_hz"),
        ("windows.target_rate_hz=15", r"target_rate_hz=15 must divide preprocess\.rate_hz=256"),
        ("windows.target_rate_hz=0", "target_rate_hz must be positive"),
        ("windows.ignore_after_s=-1", "must not be negative"),
        ("windows.normalised_per=corpus", "windows.normalised_per.*found 'corpus'"),
        ("preprocess.phase=linear", "preprocess.phase.*found 'linear'"),
        ("augmentation.mirror.probability=2", r"mirror\.probability must be in \[0, 1\]"),
        ("augmentation.amplitude_scale.factor=0.5", "factor must be at least 1"),
        ("model.graph.n_encoding=19", "eigenvectors"),
        ("model.node.headdim=5", "earest legal"),
        ("trainer.precision=8-bit", "trainer.precision"),
        ("callbacks.heartbeat_interval_s=0", "heartbeat_interval_s must be above 0"),
        ("callbacks.monitor=val/accuracy", "callbacks.monitor: .*found 'val/accuracy'"),
        ("callbacks.patience=0", "patience must be at least 1"),
        ("trainer.num_nodes=0", "num_nodes must be at least 1"),
        ("trainer.devices=0", "devices must be a number, auto or a list"),
        ("trainer.limit_val_batches=0", "limit_val_batches must be a number of batches"),
        ("trainer.limit_train_batches=1.5", "limit_train_batches must be a number of batches"),
        ("trainer.check_val_every_n_epoch=99", "no epoch would be validated"),
        ("trainer.gradient_clip_val=0", "gradient_clip_val must be above 0"),
        ("trainer.profile_steps=-1", "profile_steps must be at least 0"),
        ("run=''", "found no name of a folder"),
        ("run=a/../../b", "found no name of a folder"),
        ("run=.", "found no name of a folder"),
    ],
)
def test_an_impossible_value_fails_before_anything_starts(override, message):
    with pytest.raises(ConfigError, match=message):
        load("train", TrainConfig, [override])


@pytest.mark.parametrize("devices", [1, 8, -1, "auto", "0,1"])
def test_devices_are_a_number_or_a_list(devices):
    assert load("train", TrainConfig, [f"trainer.devices='{devices}'"]).trainer.devices is not None


def test_a_missing_value_names_its_key():
    with pytest.raises(ConfigError, match=r"corpus\.root: no value; give corpus\.root="):
        load("prepare", PrepareConfig, ["corpus=tusz"])
    with pytest.raises(ConfigError, match="checkpoint: no value"):
        load("predict", PredictConfig, ["input=a.edf"])
    with pytest.raises(ConfigError, match="input: no value"):
        load("predict", PredictConfig)


def test_a_configuration_survives_being_stored_as_plain_containers():
    config = load("train", TrainConfig, ["model=base", "+hw=a100"])
    assert parse(TrainConfig, to_plain(config)) == config


@pytest.mark.parametrize(
    ("group", "schema"),
    [("preprocess", Preprocessing), ("windows", Windowing), ("events", Postprocessing)],
)
def test_conf_and_the_defaults_of_the_code_are_the_same(group, schema):
    values: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / group / "default.yaml"))
    assert schema(**values) == schema()
    assert set(values) == {entry.name for entry in fields(schema)}


def test_augmentation_is_off_unless_asked_for_and_its_strengths_are_those_of_the_code():
    assert load("train", TrainConfig).augmentation == Augmentation()
    assert Augmentation().is_off
    on = load("train", TrainConfig, ["augmentation=default"]).augmentation
    for entry in fields(Augmentation):
        chosen = getattr(on, entry.name)
        assert chosen.probability > 0
        assert replace(chosen, probability=0.0) == getattr(Augmentation(), entry.name)


def test_a_configuration_kept_before_augmentation_means_none():
    values = plain(compose("train"))
    del values["augmentation"]
    assert parse(TrainConfig, values).augmentation.is_off


def test_hardware_profiles_touch_only_trainer_and_loader():
    for name in HARDWARE:
        profile: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "hw" / f"{name}.yaml"))
        assert set(profile) <= {"hw", "trainer", "loader"}


def test_configuration_files_stay_small():
    for path in conf_folder().rglob("*.yaml"):
        assert len(path.read_text().splitlines()) <= 40, path


def test_hydra_s_own_keys_pass():
    check_overrides(TrainConfig, ["hydra.verbose=true", "seed=1,2"])


def test_every_schema_is_frozen_all_the_way_down():
    def visit(schema: Any) -> None:
        assert schema.__dataclass_params__.frozen, schema
        for hint in get_type_hints(schema).values():
            if is_dataclass(hint):
                visit(hint)

    for schema in (TrainConfig, PrepareConfig, EvaluateConfig, PredictConfig):
        visit(schema)


def test_masks_need_a_detector_of_single_electrodes():
    assert load("train", TrainConfig, ["preprocess.missing=mask"]).preprocess.missing == "mask"
    with pytest.raises(ConfigError, match=r"missing=mask: .*mixes all electrodes.*electrode_pico"):
        load("train", TrainConfig, ["preprocess.missing=mask", "model=pico"])
