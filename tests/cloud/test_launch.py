"""What a launch decides before a machine is rented."""

import re
import shlex
from pathlib import Path, PurePosixPath

import pytest

from seizure.cli.command import conf_folder
from seizure.cloud.job import Job
from seizure.cloud.launch import Plan, make_plan, verb_arguments
from seizure.cloud.request import ACTIONS, read_request
from seizure.hardware import HardwareError, read_profile
from seizure.schema import ConfigError

CONF = conf_folder()
NOW = 1_800_000_000.0


def plan(verb: str, *arguments: str) -> Plan:
    """The plan of a command line."""
    return make_plan(read_request(verb, arguments), CONF, NOW)


def only(made: Plan) -> Job:
    """The job of a plan that has one."""
    (job,) = made.fleet.jobs
    assert made.fleet.last is None
    return job


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
    job = only(started)
    assert job.command[:2] == ("-m", "seizure.train")
    assert {
        "+hw=a100",
        "run=tusz-v1",
        "paths.runs=/results/runs",
        "paths.cache=/results/cache",
        "prepare.jobs=16",
        "corpus.root=/results/data/tusz",
    } <= set(job.command)
    assert job.finished == PurePosixPath("/results/runs/tusz-v1/finished")
    assert job.limit_s == 24 * 3600
    assert job.budget_s == 72 * 3600
    assert "worst case" in "\n".join(started.lines)


def test_the_corpus_is_on_the_bucket_where_there_is_one_unless_the_user_says() -> None:
    for more, root in (
        (("--bucket", "eeg"), "/data/tusz"),
        ((), "/results/data/tusz"),
        (("corpus.root=/results/mine",), "/results/mine"),
    ):
        made = plan("prepare", "--hw", "cpu", "--containers", "1", *more, "corpus=tusz")
        command = only(made).command
        assert [a for a in command if a.startswith("corpus.root=")] == [f"corpus.root={root}"]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_makes_a_plan_whose_job_ends_by_its_own_rule(action: str) -> None:
    more = ("input=/data/clinic",) if action == "predict" else ()
    made = plan(action, "--hw", "cpu", "--run", "first", *more)
    assert made.faults == ()
    job = only(made)
    assert job.name.startswith(f"{action}-first-2027")
    assert (job.finished is None) is (action not in ("train", "sweep"))


def test_scoring_takes_the_machines_accelerator_and_batch() -> None:
    made = plan("predict", "--hw", "t4", "--run", "first", "input=/data/clinic")
    assert {
        "checkpoint=/results/runs/first/checkpoints/best.ckpt",
        "output=/results/predictions/first",
        "accelerator=cuda",
        "batch_size=16",
    } <= set(only(made).command)


def test_the_doctor_is_told_what_training_is_and_its_no_is_final() -> None:
    job = only(plan("doctor", "--hw", "a100", "--run", "first", "model=base"))
    assert {"+hw=a100", "run=first", "output=/results/jobs/first.doctor.json"} <= set(job.command)
    assert job.command[-1] == "model=base"
    assert (job.done_codes, job.final_codes) == ((0,), (1,))


def test_the_doctor_is_rented_for_minutes_and_priced_so() -> None:
    made = plan("doctor", "--hw", "a100", "--run", "first", "model=base")
    assert (made.hardware.attempts, made.hardware.timeout_h) == (1, 0.25)
    assert only(made).limit_s == only(made).budget_s == 900
    assert "at most 1 attempt of 0.25 h; worst case 1.26 USD" in made.lines[2]
    # The run that it examines keeps its own: they are of the configuration, not of the doctor.
    assert not any("timeout_h" in word for word in only(made).command)


@pytest.mark.parametrize("action", ["prepare", "doctor", "evaluate", "predict"])
def test_hours_bound_an_attempt_and_so_the_worst_case(action: str) -> None:
    more = ("input=/data/clinic",) if action == "predict" else ()
    made = plan(action, "--hw", "cpu", "--run", "r", "--hours", "0.5", *more)
    assert only(made).limit_s == 1800
    worst = made.hardware.attempts * 0.5 * float(made.lines[1].split()[7])
    assert f"worst case {worst:.2f} USD" in made.lines[2]


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "train"])
def test_only_training_uses_several_hosts(action: str) -> None:
    more = ("input=/data/clinic",) if action == "predict" else ()
    assert "takes one host" in " ".join(plan(action, "--hw", "h100x16", "--run", "r", *more).faults)


@pytest.mark.parametrize(
    ("action", "hw", "said"),
    [
        ("prepare", "t4", "prepare uses no card and t4 has one; give --hw cpu"),
        ("evaluate", "a100x8", "evaluate uses one card and a100x8 has 8"),
        ("predict", "a100x8", "predict uses one card and a100x8 has 8"),
    ],
)
def test_no_card_is_paid_for_that_nothing_uses(action: str, hw: str, said: str) -> None:
    more = ("input=/data/clinic",) if action == "predict" else ()
    (fault,) = plan(action, "--hw", hw, "--run", "r", *more).faults
    assert said in fault


def test_a_machine_is_changed_by_overrides_of_hw() -> None:
    made = plan("train", "--hw", "a100", "--run", "r", "hw.attempts=1", "hw.timeout_h=2")
    assert only(made).budget_s == 2 * 3600
    assert made.faults == ()


def test_recordings_are_shared_by_machines_and_one_writes_the_index() -> None:
    made = plan("prepare", "--hw", "cpu", "--bucket", "eeg", "--containers", "3", "corpus=tusz")
    parts, last = made.fleet.jobs, made.fleet.last
    assert last is not None
    assert [part.command[-1] for part in parts] == ["part=1/3", "part=2/3", "part=3/3"]
    assert all(part.command[:-1] == last.command for part in parts)
    ledgers = {job.ledger for job in (*parts, last)}
    assert len(ledgers) == 4
    assert made.fleet.at_once == 3
    assert len(plan("prepare", "--hw", "cpu", "corpus=tusz").fleet.jobs) == 4


@pytest.mark.parametrize("given", [(), ("corpus=tusz", "prepare.verify=true")])
def test_what_cannot_be_shared_is_prepared_by_one(given: tuple[str, ...]) -> None:
    assert only(plan("prepare", "--hw", "cpu", "--containers", "4", *given)).finished is None


def test_a_sweep_is_a_run_for_each_combination_in_one_folder() -> None:
    made = plan(
        "sweep", "--hw", "t4", "--run", "lr", "--containers", "2", "seed=1,2", "model=pico,base"
    )
    fleet = made.fleet
    assert [job.command[-2:] for job in fleet.jobs] == [
        ("seed=1", "model=pico"),
        ("seed=1", "model=base"),
        ("seed=2", "model=pico"),
        ("seed=2", "model=base"),
    ]
    assert [str(job.finished) for job in fleet.jobs] == [
        f"/results/runs/lr/{number}/finished" for number in range(4)
    ]
    assert len({job.ledger for job in fleet.jobs}) == 4
    assert (fleet.at_once, str(fleet.sweep)) == (2, "/results/runs/lr")
    assert "run=lr/3" in fleet.jobs[3].command


def test_the_worst_case_of_several_jobs_is_that_of_all() -> None:
    one = plan("train", "--hw", "t4", "--run", "r")
    four = plan("sweep", "--hw", "t4", "--run", "r", "seed=1,2,3,4")
    worst = float(one.lines[2].split("worst case ")[1].split()[0])
    of_all = float(four.lines[3].split("worst case of all ")[1].split()[0])
    assert of_all == pytest.approx(4 * worst, abs=0.02)
    assert "4 such jobs, at most 4 at a time" in four.lines[3]


def test_every_job_of_a_sweep_is_checked_before_one_is_rented() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        plan("sweep", "--hw", "t4", "--run", "r", "trainer.max_epochs=2,0")
    with pytest.raises(ConfigError, match="interval"):
        plan("sweep", "--hw", "t4", "--run", "r", "model.dropout=interval(0,1)")
    faults = plan("sweep", "--hw", "a100", "--run", "r", "hw.cores=16,32").faults
    assert "hw differs" in " ".join(faults)
    faults = plan("sweep", "--hw", "a100", "--run", "r", "loader.num_workers=8,9").faults
    assert "9 loader workers" in " ".join(faults)


def test_several_hosts_are_rented_and_paid_for_together() -> None:
    made = plan("train", "--hw", "h100x16", "--run", "r")
    assert made.faults == ()
    assert "2 hosts, each H100:8" in made.lines[0]
    one = plan("train", "--hw", "h100x16", "--run", "r", "hw.hosts=1", "trainer.num_nodes=1")
    prices = [float(m.lines[1].split()[1]) for m in (made, one)]
    assert prices[0] == pytest.approx(2 * prices[1], abs=0.01)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("hw.hosts=1",), "trainer.num_nodes=1"),
        (("hw.hosts=3", "trainer.num_nodes=3"), "1 or 2 together"),
        (("hw.gpu=H100:4", "trainer.devices=4"), "take all cards"),
    ],
)
def test_hosts_that_would_wait_for_each_other_are_found(
    overrides: tuple[str, ...], said: str
) -> None:
    assert said in " ".join(plan("train", "--hw", "h100x16", "--run", "r", *overrides).faults)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("hw.timeout_h=48", "at most 24 h"),
        ("hw.cores=8", "hw.cores=16"),
        ("loader.num_workers=9", "starve"),
        ("paths.cache=/data/cache", "on the bucket"),
        ("paths.runs=runs", "lost"),
        ("trainer.devices=2", "trainer.devices=1"),
    ],
)
def test_what_would_waste_money_is_found_before(override: str, said: str) -> None:
    faults = plan("train", "--hw", "a100", "--run", "r", override).faults
    assert said in " ".join(faults)


def test_a_configuration_that_the_verb_refuses_is_refused_here() -> None:
    with pytest.raises(ConfigError, match="unknown key 'modle'"):
        plan("train", "--hw", "a100", "--run", "r", "modle=base")
    with pytest.raises(ConfigError, match="input: no value"):
        plan("predict", "--hw", "t4", "--run", "r")
    # Hydra's own refusal, of a key that the profile does not give a value.
    with pytest.raises(ConfigError, match=r"use \+hw\.price_h=36"):
        plan("train", "--hw", "cpu", "--run", "r", "hw.price_h=36")


@pytest.mark.parametrize(
    "told", [("--hw", "local"), ("--hw", "a100", "hw.timeout_h=null"), ("--hw", "rtx4090")]
)
def test_a_machine_that_cannot_be_priced_is_not_rented_even_by_force(told: tuple[str, ...]) -> None:
    with pytest.raises(HardwareError, match="at hand, not one to rent"):
        plan("train", "--run", "r", "--force", *told)


def test_every_plan_is_priced_also_one_with_faults() -> None:
    made = plan("train", "--hw", "a100", "--run", "r", "--force", "hw.timeout_h=48")
    assert "at most 24 h" in " ".join(made.faults)
    assert "at most 3 attempts of 48 h; worst case 724.39 USD" in made.lines[2]
    with pytest.raises(HardwareError, match=r"no price for B300 .*, which has T4, L4"):
        plan("train", "--hw", "a100", "--run", "r", "--force", "hw.gpu=B300")
    # A card that is newer than this file can be forced, for a price.
    made = plan("train", "--hw", "a100", "--run", "r", "hw.gpu=B300", "+hw.price_h=9")
    assert "hw.gpu=B300 is not a card of Modal" in " ".join(made.faults)
    assert "price 9.00 USD an hour" in made.lines[1]


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
        (("--hw", "a100", "--run", "r", "--containers", "2"), "--containers"),
        (("--hw", "a100", "--run", "r", "--hours", "2"), "--hours"),
    ],
)
def test_options_that_cannot_be_read_end_with_2_and_a_reason(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_request("train", arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["0", "25", "-1", "nan", "two"])
def test_hours_that_no_attempt_can_have_are_refused(
    hours: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_request("evaluate", ("--hw", "t4", "--run", "r", f"--hours={hours}"))
    assert ended.value.code == 2
    assert "--hours" in capsys.readouterr().err


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


_COMMAND = re.compile(r"modal run (?:--detach )?modal_launch\.py::(\w+) +(--[^\n`]*)")
COMMANDS = [
    (found[1], found[2])
    for page in ("modal_launch.py", "docs/cloud.md")
    for found in _COMMAND.finditer((CONF.parent / page).read_text(encoding="utf-8"))
    if found[1] in ACTIONS
]


@pytest.mark.parametrize(("action", "told"), COMMANDS)
def test_every_documented_launch_can_be_planned(action: str, told: str) -> None:
    made = plan(action, *(word for word in shlex.split(told) if word != "--"))
    assert made.faults == ()
    assert made.fleet.jobs


def test_every_action_is_documented() -> None:
    assert {action for action, _ in COMMANDS} == set(ACTIONS)
