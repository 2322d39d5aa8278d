import json
from dataclasses import replace

import numpy as np
import pytest

from seizure.events.decide import Postprocessing
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.nedc import ovlp, total
from seizure.scoring.operating_point import choose, read_choice, write_choice

SETTINGS = Postprocessing()


@pytest.fixture(scope="module")
def curve(recordings):
    return sweep(recordings, SETTINGS, thresholds_for(recordings))


def test_the_chosen_settings_give_the_chosen_point(recordings, curve):
    choice = choose(curve, SETTINGS, 50.0)
    counts = total(ovlp, [recording.pair(choice.settings) for recording in recordings])
    assert choice.reached
    assert (counts.tp, counts.fp, counts.fn) == (
        choice.point.tp,
        choice.point.fp,
        choice.point.fn,
    )
    assert counts.fa_per_24h == pytest.approx(choice.point.fa_per_24h)


def test_only_the_threshold_is_chosen(curve):
    choice = choose(curve, SETTINGS, 50.0)
    assert replace(choice.settings, on_threshold=SETTINGS.on_threshold) == SETTINGS


def test_a_target_out_of_reach_is_said_and_the_fewest_alarms_taken(curve):
    noisy = replace(curve, fp=curve.fp + 5)
    choice = choose(noisy, SETTINGS, 0.1)
    assert not choice.reached
    assert choice.point.fp == noisy.fp.min()


def test_nothing_is_chosen_without_a_reference_seizure(curve):
    empty = replace(curve, n_reference=0, tp=np.zeros_like(curve.tp), fn=np.zeros_like(curve.fn))
    with pytest.raises(ValueError, match="dev holds no reference seizure"):
        choose(empty, SETTINGS, 5.0)


def test_a_written_choice_comes_back_and_an_edited_one_is_refused(tmp_path, curve):
    choice = choose(curve, SETTINGS, 50.0)
    path = write_choice(tmp_path / "operating_point.json", choice)
    assert read_choice(path) == choice
    content = json.loads(path.read_text())
    content["settings"]["on_threshold"] = 0.123
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="choose the operating point again"):
        read_choice(path)
