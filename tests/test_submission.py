"""An entry at the benchmark: detector and algorithm.yaml, checked before anything is written."""

import json
import shutil

import pytest

from seizure import build, submission
from seizure.scoring.algorithm_card import read_algorithm
from seizure.scoring.leaderboard import check_leaderboard

ENTRY = (
    "algorithm.title=Detector",
    "algorithm.image=ghcr.io/lab/detector:1.0",
    "algorithm.license=MIT",
    "algorithm.authors=[{given_names:Ada,family_names:Lovelace}]",
)


@pytest.fixture
def submitted(trained, tmp_path, command):
    """Writes the entry of the trained detector; what happened, and the folder."""

    def start(*more, checkpoint=trained / "checkpoints" / "best.ckpt"):
        output = tmp_path / "submission"
        ended = command(
            submission.VERB, f"checkpoint={checkpoint}", f"output={output}", *ENTRY, *more
        )
        return ended, output

    return start


def test_the_entry_and_its_detector_are_what_the_container_needs(submitted, trained):
    ended, output = submitted()
    assert ended.code == 0, ended.err
    card = read_algorithm(output / "algorithm.yaml")
    kept = build.kept_choice(trained / "checkpoints" / "best.ckpt")
    assert card.datasets == ("synthetic",)
    assert f"reaches {kept.settings.on_threshold:.3f}, chosen on dev" in card.abstract
    assert build.kept_choice(output / "detector.safetensors") == kept
    assert "docker build -f container/Dockerfile -t ghcr.io/lab/detector:1.0 ." in ended.out
    assert "one trained with preprocess=average" in ended.out


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("algorithm.image=detector", "image: found 'detector'"),
        ("algorithm.authors=[]", "authors: found 0"),
        ("algorithm.authors=[{name:Ada}]", "algorithm.authors.0.name"),
        ("algorithm.date_released=today", "date_released: found 'today'"),
        ("algorithm.repository=lab.org", "repository: found 'lab.org'"),
    ],
)
def test_an_entry_that_would_be_refused_is_refused_before_anything_is_written(
    submitted, argument, said
):
    ended, output = submitted(argument)
    assert ended.code == 2
    assert said in ended.err
    assert not output.exists()


def test_a_run_leaves_the_results_that_the_leaderboard_shows(trained):
    content = json.loads((trained / "szcore.json").read_text())
    check_leaderboard(content)
    scores = json.loads((trained / "scores.json").read_text())
    assert set(content["subjects"]) == set(scores["subjects"])


def test_a_detector_without_an_operating_point_is_refused(submitted, trained, tmp_path):
    alone = tmp_path / "alone.ckpt"
    shutil.copy(trained / "checkpoints" / "best.ckpt", alone)
    ended, output = submitted(checkpoint=alone)
    assert ended.code == 2
    assert "has no operating point" in ended.err
    assert not output.exists()
