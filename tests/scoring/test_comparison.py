import numpy as np
import pytest

from seizure.events.decide import Postprocessing
from seizure.scoring.comparison import differences
from seizure.scoring.intervals import intervals
from seizure.scoring.nedc import ovlp, total


@pytest.fixture(scope="module")
def both(recordings):
    settings = (Postprocessing(on_threshold=0.2), Postprocessing(on_threshold=0.25))
    return [[recording.pair(used) for recording in recordings] for used in settings]


def test_a_difference_is_that_of_the_pooled_figures(both):
    row = differences(*both)[0]
    this, other = (total(ovlp, pairs).sensitivity for pairs in both)
    assert (row.figure, row.this, row.other) == ("NEDC OVLP sensitivity", this, other)
    assert row.difference.value == pytest.approx(this - other)
    assert row.difference.low <= row.difference.value <= row.difference.high


def test_the_other_way_round_every_difference_changes_its_sign(both):
    forth, back = differences(*both), differences(*both[::-1])
    for one, two in zip(forth, back, strict=True):
        assert one.difference.value == pytest.approx(-two.difference.value)
        assert one.difference.low == pytest.approx(-two.difference.high)


def test_a_detector_does_not_differ_from_itself(both):
    for row in differences(both[0], both[0]):
        assert row.difference == (0.0, 0.0, 0.0)


def test_paired_intervals_are_narrower_than_two_single_ones(both):
    paired = next(r for r in differences(*both) if r.figure == "NEDC OVLP FA/24h").difference
    single = [intervals(pairs)["ovlp_fa_per_24h"] for pairs in both]
    assert paired.high - paired.low < sum(one.high - one.low for one in single)


def test_other_recordings_are_refused_by_name(both):
    with pytest.raises(ValueError, match=rf"12 and 11, only one of them has {both[0][-1].stem}"):
        differences(both[0], both[1][:-1])


def test_every_figure_of_the_report_has_an_interval_around_it(both):
    found = intervals(both[0])
    assert len(found) == 4 * 2 + 2 * 5
    for name, (value, low, high) in found.items():
        assert np.isnan(low) or low <= value <= high, name
