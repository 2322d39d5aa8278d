"""One file is enough to predict: it gives what the checkpoint gives, and reads nothing else."""

import shutil
from dataclasses import replace

import pytest
import torch

from seizure import build, evaluate, export, predict
from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import PreparedRecording
from seizure.corpus.entry import CorpusRecording
from seizure.eeg.channels import CANONICAL_19
from seizure.learning.inference import track_of
from seizure.models.spec import SpecError
from seizure.models.weights import WeightsError, read_detector, write_detector
from seizure.schema import ConfigError

PERMUTED = ("F3", "Fp1", *CANONICAL_19[2:])


@pytest.fixture
def checkpoint(trained):
    return trained / "checkpoints" / "best.ckpt"


@pytest.fixture
def exported(checkpoint, tmp_path, command):
    """The only file in its folder."""
    output = tmp_path / "alone" / "detector.safetensors"
    ended = command(export.VERB, f"checkpoint={checkpoint}", f"output={output}")
    assert ended.code == 0, ended.err
    assert "256 Hz; normalisation: " in ended.out
    assert "chosen on dev" in ended.out
    return output


@pytest.fixture
def edf(quick, trained):
    return sorted((quick.corpus / "edf" / "eval").rglob("*.edf"))[0]


def test_the_exported_file_gives_the_weights_and_the_run_of_the_checkpoint(checkpoint, exported):
    (ours, config), (theirs, expected) = map(build.module_from, (exported, checkpoint))
    assert config == expected
    assert build.kept_choice(exported) == build.kept_choice(checkpoint)
    assert build.kept_temperature(exported) == build.kept_temperature(checkpoint)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


def test_predicting_with_it_alone_gives_the_events_of_the_report(
    trained, exported, edf, tmp_path, command
):
    ended = command(
        predict.VERB, f"input={edf}", f"checkpoint={exported}", f"output={tmp_path / 'out'}",
        "accelerator=cpu",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    for name in (f"{edf.stem}.csv_bi", f"{edf.stem}.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (trained / "events" / name).read_bytes()


def test_evaluating_it_gives_the_scores_of_the_run(quick, trained, exported, tmp_path, command):
    ended = command(
        evaluate.VERB, f"checkpoint={exported}", f"output={tmp_path / 'out'}", "accelerator=cpu",
        *quick.paths(),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "choosing the operating point" not in ended.out
    assert (tmp_path / "out" / "scores.json").read_bytes() == (trained / "scores.json").read_bytes()


def test_without_an_operating_point_a_threshold_must_be_given(checkpoint, edf, tmp_path, command):
    alone = tmp_path / "alone.ckpt"
    shutil.copy(checkpoint, alone)
    ended = command(export.VERB, f"checkpoint={alone}")
    assert ended.code == 0
    assert "threshold: none; predicting needs on_threshold" in ended.out
    predicting = (
        f"input={edf}", f"checkpoint={alone.with_suffix('.safetensors')}",
        f"output={tmp_path / 'out'}", "accelerator=cpu",
    )  # fmt: skip
    ended = command(predict.VERB, *predicting)
    assert ended.code == 2
    assert "give on_threshold=" in ended.err
    assert command(predict.VERB, *predicting, "on_threshold=0.5").code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [({"channel_names": PERMUTED}, "trained on F3, Fp1, C3"), ({"rate_hz": 200.0}, "at 200 Hz")],
)
def test_a_file_of_permuted_channels_or_another_rate_is_refused(
    exported, edf, command, change, said
):
    stored = read_detector(exported)
    write_detector(exported, replace(stored, inputs=replace(stored.inputs, **change)))
    with pytest.raises(ConfigError, match=said):
        build.module_from(exported)
    ended = command(predict.VERB, f"input={edf}", f"checkpoint={exported}")
    assert ended.code == 2
    assert said in ended.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel_names": list(PERMUTED)}, "Fp1, F3, C3.*in another order"),
        ({"channel_names": list(CANONICAL_19[:18])}, "found channels Fp1"),
        ({"rate_hz": 200.0}, "found EEG at 200 Hz; the detector reads 256 Hz"),
    ],
)
def test_a_recording_of_permuted_channels_or_another_rate_is_refused(exported, edf, change, said):
    module, config = build.module_from(exported)
    entry = CorpusRecording(edf.stem, edf.stem, "", "eval", edf, annotation=None)
    prepared: PreparedRecording = prepare_recording(entry, (), config.preprocess)
    track_of(module, prepared, config.windows, edf.stem)
    with pytest.raises(SpecError, match=said):
        track_of(module, replace(prepared, meta=prepared.meta | change), config.windows, edf.stem)


def test_other_weights_are_named(exported):
    stored = read_detector(exported)
    weights = dict(stored.state)
    name, tensor = weights.popitem()
    write_detector(exported, replace(stored, state=weights | {"surplus": tensor}))
    with pytest.raises(WeightsError, match=rf"1 missing \({name}\); 1 unexpected \(surplus\)"):
        build.module_from(exported)


def test_an_edited_operating_point_is_refused(exported, edf, command):
    stored = read_detector(exported)
    assert stored.operating_point is not None
    edited = stored.operating_point.replace('"on_threshold": 0.', '"on_threshold": 0.9')
    assert edited != stored.operating_point
    write_detector(exported, replace(stored, operating_point=edited))
    ended = command(predict.VERB, f"input={edf}", f"checkpoint={exported}")
    assert ended.code == 2
    assert "fingerprint" in ended.err


def test_another_suffix_is_refused(checkpoint, tmp_path, command):
    ended = command(export.VERB, f"checkpoint={checkpoint}", f"output={tmp_path / 'a.pt'}")
    assert ended.code == 2
    assert "ends in .safetensors" in ended.err
