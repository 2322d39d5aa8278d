from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import thresholds_for
from seizure.scoring.nedc import ovlp, total
from seizure.scoring.operating_point import OperatingPointError
from seizure.scoring.tuning import SearchGrid, tune

START = Postprocessing()
GRID = SearchGrid((0.5, 0.9), (3, 11), (31,), (1.0, 3.0), (0.0, 10.0))


def test_the_result_is_the_best_of_every_combination_at_every_threshold(recordings):
    some = recordings[:6]
    tuned = tune(some, START, GRID, target_fa_per_24h=100.0)
    found = []
    values = product(*(getattr(GRID, name) for name in GRID.__dataclass_fields__))
    combinations = [
        replace(START, **dict(zip(GRID.__dataclass_fields__, v, strict=True))) for v in values
    ]
    for settings, threshold in product([START, *combinations], thresholds_for(some)[::8]):
        at = replace(settings, on_threshold=float(threshold))
        pairs = [recording.pair(at) for recording in some]
        counts = total(ovlp, pairs)
        alarm_s = sum(event.duration_s for pair in pairs for event in pair.hypothesis)
        if counts.fa_per_24h <= 100 and alarm_s / counts.duration_s <= 0.2:
            found.append((counts.tp, -counts.fp))
    best = (tuned.choice.point.tp, -tuned.choice.point.fp)
    assert best >= max(found)
    again = total(ovlp, [recording.pair(tuned.choice.settings) for recording in some])
    assert (again.tp, -again.fp) == best
    assert tuned.choice.n_tried == 17
    assert tuned.choice.reached


def test_what_is_stated_of_before_is_what_the_settings_gave(recordings):
    tuned = tune(recordings, START, GRID, 50.0)
    counts = total(ovlp, [recording.pair(START) for recording in recordings])
    assert (tuned.before.tp, tuned.before.fp, tuned.before.fn) == (counts.tp, counts.fp, counts.fn)


def test_settings_that_gain_nothing_are_left_as_they_were():
    # A block of certainty: every setting of the grid finds it and nothing else.
    probability = np.full(16 * 600, 0.01, np.float32)
    probability[16 * 100 : 16 * 160] = 0.99
    track = Track("a", 16.0, probability, 600.0)
    recording = TrackedRecording("a", "p", 600.0, (Event(100.0, 160.0),), track)
    choice = tune([recording], START, GRID, 10.0).choice
    assert replace(choice.settings, on_threshold=START.on_threshold) == START
    assert (choice.point.tp, choice.point.fp) == (1, 0)


def floods(index):
    """Ten minutes that all look like a seizure, with one in them."""
    rng = np.random.default_rng(index)
    probability = (0.9 + 0.05 * rng.random(16 * 600)).astype(np.float32)
    track = Track(f"r{index}", 16.0, probability, 600.0)
    return TrackedRecording(f"r{index}", f"p{index}", 600.0, (Event(100.0, 130.0),), track)


def test_calling_whole_recordings_seizures_is_not_the_best_of_anything():
    some = [floods(index) for index in range(4)]
    tempted = tune(some, START, GRID, 10.0, max_alarm_share=1.0).choice
    assert (tempted.point.tp, tempted.point.fp) == (4, 0)
    assert tempted.point.alarm_share > 0.9
    assert tune(some, START, GRID, 10.0).choice.point.alarm_share <= 0.2


def test_every_setting_of_the_start_is_tried_and_none_twice(recordings):
    tried = GRID.around(START)
    assert tried[0] == START
    assert len(set(tried)) == len(tried) == 17
    assert GRID.around(tried[1])[0] == tried[1]
    assert len(GRID.around(tried[1])) == 16


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"off_ratio": (0.0,)}, "off_ratio must be in"),
        ({"min_duration_s": (-1.0,)}, "min_duration_s must be finite"),
        ({"merge_gap_s": ()}, "merge_gap_s: no value to try"),
    ],
)
def test_a_grid_of_values_that_mean_nothing_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        replace(GRID, **changed)


def test_nothing_is_tuned_without_a_seizure(recordings):
    silent = [replace(recording, reference=()) for recording in recordings[:2]]
    with pytest.raises(OperatingPointError, match="no reference seizure"):
        tune(silent, START, GRID, 10.0)
