"""What a verb answers on the command line: help, refusals in words, exit codes, nothing left."""

import shlex
import subprocess
import sys

import pytest
import torch
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from seizure import (
    __main__,
    doctor,
    evaluate,
    export,
    look,
    predict,
    prepare,
    score,
    simulate,
    submission,
    train,
    tune,
)
from seizure.cli.command import check_overrides, compose, conf_folder, load, speak
from seizure.schema import known_keys

VERBS = {
    module.VERB.name: module.VERB
    for module in (
        *(look, simulate, prepare, doctor, train, evaluate, tune),
        *(export, submission, score, predict),
    )
}
EXAMPLES = [(verb, example) for verb in VERBS.values() for example in verb.examples]


def overrides_of(line):
    """The overrides of `python -m seizure.<verb> ...`, without Hydra's own options."""
    program, option, module, *rest = shlex.split(line)
    assert (program, option) == ("python", "-m")
    assert module.removeprefix("seizure.") in VERBS
    return [argument for argument in rest if not argument.startswith("-")]


def test_the_package_lists_its_verbs():
    done = subprocess.run(
        [sys.executable, "-m", "seizure"], capture_output=True, text=True, check=True
    )
    listed = {line.split()[2] for line in done.stdout.splitlines() if line.startswith("python")}
    assert listed == {f"seizure.{name}" for name in VERBS}
    assert set(__main__.VERBS) == set(VERBS)


def test_a_verb_after_a_space_is_told_how_to_write_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["seizure", "train"])
    assert __main__.main() == 2
    assert "python -m seizure.<verb>" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_help_shows_examples_choices_and_every_key(verb, command):
    ended = command(verb, "--help")
    assert ended.code == 0
    assert verb.examples
    for example in verb.examples:
        assert example in ended.out
    values = OmegaConf.to_container(compose(verb.name, resolve=False))
    assert isinstance(values, dict)
    for key in known_keys(verb.schema, {str(name): value for name, value in values.items()}):
        # The machine's profile is added by its group alone.
        assert f"{key.split('.')[-1]}:" in ended.out or key.startswith("hw."), key


def test_help_of_train_names_every_choice_of_every_group(command):
    said = command(train.VERB, "-h").out
    for group in ("corpus", "model", "objective", "hw", "experiment"):
        line = next(line for line in said.splitlines() if f"{group}={{" in line)
        for path in (conf_folder() / group).glob("*.yaml"):
            assert path.stem in line


@pytest.mark.parametrize(("verb", "example"), EXAMPLES, ids=[e for _, e in EXAMPLES])
def test_every_example_composes(verb, example):
    given = overrides_of(example)
    check_overrides(verb.schema, given)
    parsed = OverridesParser.create().parse_overrides(given)
    # A sweep is composed job by job: its first values stand for all.
    single = [
        f"{override.get_key_element()}={next(override.sweep_string_iterator())}"
        if override.is_sweep_override()
        else text
        for text, override in zip(given, parsed, strict=True)
    ]
    assert isinstance(load(verb.name, verb.schema, single), verb.schema)


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("trainer.max_epoch=2", "trainer.max_epochs"),
        ("+trainer.max_epoch=2", "trainer.max_epochs"),
        ("++loader.batchsize=2", "loader.batch_size"),
        ("max_epochs=2", "trainer.max_epochs"),
    ],
)
def test_an_unknown_key_ends_with_2_names_the_nearest_and_leaves_nothing(
    override, nearest, command, tmp_path
):
    ended = command(train.VERB, f"paths.runs={tmp_path}", f"paths.data={tmp_path}", override)
    assert ended.code == 2
    assert f"the nearest known key is '{nearest}'" in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=huge", "found 'huge', expected one of base"),
        ("+experiment=nothing", "found 'nothing', expected one of"),
        ("+hw=abacus", "found 'abacus', expected one of a100"),
        ("trainer.max_epochs=many", "found 'many'"),
        ("corpus=tusz", "corpus.root: no value"),
        ("trainer.max_epochs", "missing EQUAL"),
        ("~trainer.max_epochs", "trainer.max_epochs: no value"),
        ("hw=a100", "write +hw=a100"),
        ("experiment=smoke", "write +experiment=smoke"),
        ("trainer.strategy=dpp", "found 'dpp', expected auto"),
        ("trainer.compile=inductr", "found 'inductr', expected null"),
    ],
)
def test_bad_input_ends_with_2_in_words_and_leaves_nothing(override, message, command, tmp_path):
    ended = command(train.VERB, f"paths.runs={tmp_path}", f"paths.data={tmp_path}", override)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", [train.VERB, predict.VERB], ids=["train", "predict"])
def test_an_unknown_accelerator_is_refused(verb, command, tmp_path):
    key = "trainer.accelerator" if verb is train.VERB else "accelerator"
    given = {
        "train": [f"paths.runs={tmp_path}", f"paths.data={tmp_path}"],
        "predict": ["input=x.edf", "checkpoint=x.ckpt"],
    }[verb.name]
    ended = command(verb, *given, f"{key}=quantum")
    assert ended.code == 2
    assert "quantum" in ended.err
    assert "auto" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_outside_of_training_ends_with_130_and_no_traceback(command):
    def interrupted(config):
        raise KeyboardInterrupt

    verb = type(predict.VERB)("predict", predict.VERB.schema, "", (), interrupted)
    ended = command(verb, "input=x.edf", "checkpoint=x.ckpt")
    assert ended.code == 130
    assert "stopped" in ended.out
    assert "Traceback" not in ended.err


def test_a_fault_of_ours_keeps_its_traceback(command, monkeypatch):
    def broken(config):
        raise RuntimeError("a fault")

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    verb = type(predict.VERB)("predict", predict.VERB.schema, "", (), broken)
    with pytest.raises(RuntimeError, match="a fault"):
        command(verb, "input=x.edf", "checkpoint=x.ckpt")


def test_a_fault_of_ours_is_in_the_run_s_log_too(command, monkeypatch, tmp_path):
    def broken(config):
        speak(tmp_path / "a.log")
        raise RuntimeError("a fault")

    verb = type(predict.VERB)("predict", predict.VERB.schema, "", (), broken)
    ended = command(verb, "input=x.edf", "checkpoint=x.ckpt")
    assert ended.code == 1
    assert ended.err.count("RuntimeError: a fault") == 1
    said = (tmp_path / "a.log").read_text(encoding="utf-8")
    assert "Traceback" in said
    assert said.endswith("RuntimeError: a fault\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_missing_cuda_device_is_said_in_one_sentence(quick, command):
    ended = command(train.VERB, *quick.paths(), "+hw=a100", "run=no-such-device")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "needs a CUDA device and this machine shows none" in ended.err
    assert not (quick.runs / "no-such-device").exists()


def test_a_sweep_gives_a_run_folder_for_each_value(quick, trained, command, tmp_path):
    sweep = tmp_path / "sweep"
    arguments = quick.overrides("trainer.max_epochs=1", f"hydra.sweep.dir={sweep}")
    ended = command(train.VERB, "-m", "seed=1,2", *arguments)
    assert ended.code == 0
    seeds = {}
    for job in ("0", "1"):
        kept = yaml.safe_load((sweep / job / "config.yaml").read_text(encoding="utf-8"))
        seeds[job] = kept["seed"]
        assert (sweep / job / "finished").is_file()
        assert (sweep / job / "report.md").stat().st_size > 0
    assert seeds == {"0": 1, "1": 2}
    losses = {(sweep / job / "metrics.csv").read_text(encoding="utf-8") for job in ("0", "1")}
    assert len(losses) == 2
