"""What a launch decides before a machine is rented."""

from pathlib import Path, PurePosixPath

import pytest

from seizure.command import conf_folder
from seizure.hardware import HardwareError, read_profile
from seizure.launch import VERBS, Plan, make_plan, read_request, verb_arguments
from seizure.schema import ConfigError

CONF = conf_folder()
NOW = 1_800_000_000.0


def plan(verb: str, *arguments: str) -> Plan:
    """The plan of a command line."""
    return make_plan(read_request(verb, arguments), CONF, NOW)


def test_overrides_reach_the_verb_unchanged_and_last() -> None:
    overrides = (
        "corpus=tusz",
        "model=base",
        "+experiment=smoke",
        "~callbacks.patience",
        "model.encoder.dilations=[[1], [2, 4]]",
        "corpus.root='/a b/c'",
    )
    request = read_request("train", ("--hw", "a100", *overrides, "--run", "r", "--force"))
    assert request.overrides == overrides
    arguments = verb_arguments(request, read_profile(CONF / "hw", "a100"))
    assert arguments[-len(overrides) :] == overrides


def test_training_is_told_machine_run_and_where_things_are() -> None:
    started = plan("train", "--hw", "a100", "--run", "tusz-v1", "corpus=tusz", "model=base")
    assert started.faults == ()
    assert started.job.command[:2] == ("-m", "seizure.train")
    assert {
        "+hw=a100",
        "run=tusz-v1",
        "paths.runs=/results/runs",
        "paths.cache=/results/cache",
        "prepare.jobs=16",
        "corpus.root=/results/data/tusz",
    } <= set(started.job.command)
    assert started.job.finished == PurePosixPath("/results/runs/tusz-v1/finished")
    assert started.job.limit_s == 24 * 3600
    assert started.job.budget_s == 72 * 3600
    assert "worst case" in "\n".join(started.lines)


def test_the_corpus_is_on_the_bucket_where_there_is_one_unless_the_user_says() -> None:
    for more, root in (
        (("--bucket", "eeg"), "/data/tusz"),
        ((), "/results/data/tusz"),
        (("corpus.root=/results/mine",), "/results/mine"),
    ):
        command = plan("prepare", "--hw", "cpu", *more, "corpus=tusz").job.command
        assert [a for a in command if a.startswith("corpus.root=")] == [f"corpus.root={root}"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_makes_a_plan_whose_job_ends_by_its_own_rule(verb: str) -> None:
    more = ("input=/data/clinic",) if verb == "predict" else ()
    made = plan(verb, "--hw", "cpu", "--run", "first", *more)
    assert made.faults == ()
    assert made.job.name.startswith(f"{verb}-first-2027")
    assert (made.job.finished is None) is (verb != "train")


def test_scoring_takes_the_machines_accelerator_and_batch() -> None:
    made = plan("predict", "--hw", "t4", "--run", "first", "input=/data/clinic")
    assert {
        "checkpoint=/results/runs/first/checkpoints/best.ckpt",
        "output=/results/predictions/first",
        "accelerator=cuda",
        "batch_size=16",
    } <= set(made.job.command)


def test_a_machine_is_changed_by_overrides_of_hw() -> None:
    made = plan("train", "--hw", "a100", "--run", "r", "hw.attempts=1", "hw.timeout_h=2")
    assert made.job.budget_s == 2 * 3600
    assert made.faults == ()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("hw.timeout_h=48", "at most 24 h"),
        ("hw.cores=8", "hw.cores=16"),
        ("loader.num_workers=9", "starve"),
        ("paths.cache=/data/cache", "on the bucket"),
        ("paths.runs=runs", "lost"),
        ("trainer.devices=2", "trainer.devices=1"),
        ("hw.gpu=RTX4090", "not a card of Modal"),
    ],
)
def test_what_would_waste_money_is_found_before(override: str, said: str) -> None:
    faults = plan("train", "--hw", "a100", "--run", "r", override).faults
    assert said in " ".join(faults)


def test_a_configuration_that_the_verb_refuses_is_refused_here() -> None:
    with pytest.raises(ConfigError, match="nearest known key is 'model'"):
        plan("train", "--hw", "a100", "--run", "r", "modle=base")
    with pytest.raises(ConfigError, match="input: no value"):
        plan("predict", "--hw", "t4", "--run", "r")


def test_a_machine_at_hand_has_a_fault_and_no_price() -> None:
    made = plan("train", "--hw", "local", "--run", "r")
    assert len(made.faults) == 1
    assert "price" not in "\n".join(made.lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--hw", "a100"), "--run"),
        (("--run", "r"), "--hw"),
        (("--hw", "a100", "--run", "../r"), "letters, digits"),
        (("--hw", "a100", "--run", "r", "run=s"), "give --run instead"),
        (("--hw", "a100", "--run", "r", "+hw=h100"), "give --hw instead"),
        (("--hw", "a100", "--run", "r", "model"), "neither an option"),
        (("--hw", "a100", "--run", "r", "--forse"), "--forse"),
        (("--hw", "a100", "--run", "r", "-m", "seed=1,2"), "-m"),
    ],
)
def test_options_that_cannot_be_read_end_with_2_and_a_reason(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_request("train", arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_card_without_a_price_is_not_rented_unpriced(tmp_path: Path) -> None:
    lines = (CONF / "prices.yaml").read_text().splitlines()
    (tmp_path / "few.yaml").write_text("\n".join(x for x in lines if "A100-80GB:" not in x))
    with pytest.raises(HardwareError, match="no price for A100-80GB"):
        plan("train", "--hw", "a100", "--run", "r", "--prices", str(tmp_path / "few.yaml"))


def test_other_prices_are_read_from_a_file(tmp_path: Path) -> None:
    text = (CONF / "prices.yaml").read_text().replace("2.4984", "100.0")
    (tmp_path / "mine.yaml").write_text(text)
    dear = plan("train", "--hw", "a100", "--run", "r", "--prices", str(tmp_path / "mine.yaml"))
    assert "price 101.27 USD an hour" in "\n".join(dear.lines)
