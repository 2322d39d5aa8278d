"""The command that prepares: it leads to the same corpus and cache, with few words."""

import shlex

import pytest

from seizure.cli.command import load
from seizure.config import PrepareConfig, TrainConfig
from seizure.preflight.remedy import prepare_command


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ([], "python -m seizure.prepare"),
        (["+hw=a100", "model=base", "seed=3"], "python -m seizure.prepare"),
        (["paths.data=/big", "paths.runs=/fast"], "python -m seizure.prepare paths.data=/big"),
        (
            ["+experiment=tusz", "corpus.root=/data/tusz"],
            "python -m seizure.prepare corpus=tusz corpus.root=/data/tusz",
        ),
    ],
)
def test_the_command_says_no_more_than_it_has_to(given: list[str], command: str) -> None:
    assert prepare_command(load("train", TrainConfig, given)) == command


@pytest.mark.parametrize(
    "given",
    [
        ["+experiment=smoke", "preprocess=bipolar"],
        ["corpus=edf_folder", "corpus.root=/a folder", r"corpus.patient_pattern='^(p\d+)_'"],
        ["corpus=edf_folder", "corpus.root=/a", r"corpus.seizure_pattern='it\'s \\\\'"],
        ["corpus=bids", "corpus.root=/x", "preprocess.mains_hz=50", "prepare.jobs=7"],
    ],
)
def test_it_leads_to_the_same_corpus_and_cache(given: list[str]) -> None:
    config = load("train", TrainConfig, given)
    _, _, _, *overrides = shlex.split(prepare_command(config))
    prepared = load("prepare", PrepareConfig, overrides)
    assert prepared.corpus == config.corpus
    assert prepared.preprocess == config.preprocess
    assert prepared.paths == config.paths
    assert prepared.prepare == config.prepare
