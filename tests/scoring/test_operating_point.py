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


def test_settings_that_call_whole_recordings_seizures_are_not_chosen(curve):
    # Everything is found without a false alarm wherever more than half of the EEG is in alarm.
    too_long = np.arange(len(curve.thresholds)) < 50
    tempting = replace(
        curve,
        tp=np.where(too_long, curve.n_reference, curve.tp),
        fp=np.where(too_long, 0, curve.fp),
        alarm_hours=np.where(too_long, 0.6, 0.1) * curve.hours,
    )
    assert choose(tempting, SETTINGS, 50.0, max_alarm_share=1.0).point.alarm_share > 0.5
    bounded = choose(tempting, SETTINGS, 50.0)
    assert bounded.point.alarm_share <= bounded.max_alarm_share == 0.2
    out_of_reach = choose(replace(tempting, fp=tempting.fp + 5), SETTINGS, 0.1)
    assert not out_of_reach.reached
    assert out_of_reach.point.alarm_share <= 0.2


def test_a_choice_from_before_the_bound_can_still_be_read(tmp_path, curve):
    path = write_choice(tmp_path / "operating_point.json", choose(curve, SETTINGS, 50.0))
    content = json.loads(path.read_text())
    del content["max_alarm_share"], content["n_tried"], content["point"]["alarm_share"]
    path.write_text(json.dumps(content))
    assert read_choice(path).max_alarm_share is None


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
