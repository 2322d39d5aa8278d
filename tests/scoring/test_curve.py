import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.scoring import szcore
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import Curve, sensitivity_at, sweep, thresholds_for, write_curves
from seizure.scoring.frames import in_groups
from seizure.scoring.nedc import ovlp

SETTINGS = Postprocessing()


def loop(recordings, post, thresholds, scorer):
    rows = []
    for threshold in thresholds:
        at = replace(post, on_threshold=float(threshold))
        counts = [scorer(recording.pair(at)) for recording in recordings]
        rows.append(
            (sum(c.tp for c in counts), sum(c.fp for c in counts), sum(c.fn for c in counts))
        )
    return np.array(rows)


def assert_equal_to_loop(recordings, post, thresholds):
    for counting, scorer in (("nedc_ovlp", ovlp), ("szcore_event", szcore.event)):
        curve = sweep(recordings, post, thresholds, counting)
        expected = loop(recordings, post, thresholds, scorer)
        found = np.stack([curve.tp, curve.fp, curve.fn], axis=1)
        np.testing.assert_array_equal(found, expected, err_msg=counting)


@pytest.mark.parametrize(
    "post",
    [
        SETTINGS,
        Postprocessing(off_ratio=0.5, opening_frames=3, closing_frames=5, merge_gap_s=0),
        Postprocessing(off_ratio=1.0, opening_frames=0, closing_frames=0, min_duration_s=0),
    ],
    ids=["default", "loose", "bare"],
)
def test_the_sweep_equals_the_loop_over_thresholds(recordings, post):
    assert_equal_to_loop(recordings, post, thresholds_for(recordings, 40))


# Values on the thresholds themselves, tiny records, many per set, different rates.
drawn = st.lists(
    st.tuples(
        st.sampled_from([1.0, 3.0, 16.0, 7.3]),
        st.lists(st.sampled_from([0, 1, 2, 3, 5, 8, 9, 10]), min_size=60, max_size=200),
        st.lists(st.integers(0, 40), max_size=6, unique=True),
    ),
    min_size=1,
    max_size=4,
)
posts = st.builds(
    Postprocessing,
    off_ratio=st.sampled_from([0.3, 0.5, 0.78 / 0.86, 1.0]),
    opening_frames=st.integers(0, 4),
    closing_frames=st.integers(0, 6),
    min_duration_s=st.sampled_from([0.0, 0.5, 1.0]),
    merge_gap_s=st.sampled_from([0.0, 1.0, 2.0]),
)


@settings(deadline=None, max_examples=150)
@given(drawn, posts)
def test_the_sweep_equals_the_loop_on_fuzzed_tracks(cases, post):
    recordings = []
    for index, (rate_hz, values, cuts) in enumerate(cases):
        probability = np.float32(values) / np.float32(10)
        duration_s = len(values) / rate_hz
        seconds = sorted(cut / 40 * duration_s for cut in cuts)
        reference = tuple(Event(a, b) for a, b in zip(seconds[0::2], seconds[1::2], strict=False))
        stem = f"r{index}"
        track = Track(stem, rate_hz, probability, duration_s)
        recordings.append(TrackedRecording(stem, "p", duration_s, reference, track))
    assert_equal_to_loop(recordings, post, np.arange(1, 11) / 10)


def test_recordings_do_not_run_into_each_other():
    ends = np.zeros(160, np.float32)
    ends[-40:] = 1
    begins = ends[::-1].copy()
    recordings = [
        TrackedRecording("a", "p", 10.0, (), Track("a", 16.0, ends, 10.0)),
        TrackedRecording("b", "p", 10.0, (), Track("b", 16.0, begins, 10.0)),
    ]
    post = replace(SETTINGS, min_duration_s=0)
    assert sweep(recordings, post, [0.5]).fp.tolist() == [2]
    assert sweep(recordings, post, [0.5], "szcore_event").fp.tolist() == [2]


@pytest.mark.parametrize("n_frames", [1, 20_000])
def test_the_curve_does_not_depend_on_how_recordings_are_grouped(recordings, n_frames, monkeypatch):
    thresholds = thresholds_for(recordings, 40)
    for counting in ("nedc_ovlp", "szcore_event"):
        whole = sweep(recordings, SETTINGS, thresholds, counting)
        monkeypatch.setattr("seizure.scoring.curve.in_groups", lambda r: in_groups(r, n_frames))
        parts = sweep(recordings, SETTINGS, thresholds, counting)
        monkeypatch.undo()
        for name in ("tp", "fp", "fn"):
            np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
        assert parts.n_reference == whole.n_reference
        np.testing.assert_allclose(parts.alarm_hours, whole.alarm_hours, rtol=1e-12)


def curve_of(tp, fp, n_reference=10, hours=24.0, alarm_hours=None):
    tp, fp = np.array(tp), np.array(fp)
    thresholds = np.linspace(0.1, 0.9, tp.size)
    alarm_hours = np.zeros(tp.size) if alarm_hours is None else np.array(alarm_hours)
    return Curve("nedc_ovlp", thresholds, tp, fp, n_reference - tp, n_reference, hours, alarm_hours)


def test_sensitivity_at_a_rate_looks_past_a_bump_of_false_alarms():
    curve = curve_of(tp=[9, 8, 6, 5], fp=[20, 4, 7, 3])
    point = sensitivity_at(curve, 5)
    assert (point.sensitivity, point.fp, point.threshold) == (0.8, 4, pytest.approx(0.1 + 0.8 / 3))


def test_of_equal_sensitivity_the_fewest_false_alarms_win_then_the_highest_threshold():
    point = sensitivity_at(curve_of(tp=[8, 8, 8, 2], fp=[5, 3, 3, 0]), 10)
    assert (point.fp, point.threshold) == (3, pytest.approx(0.1 + 2 * 0.8 / 3))


def test_a_rate_no_threshold_keeps_is_not_reachable():
    assert sensitivity_at(curve_of(tp=[9, 8], fp=[20, 6]), 5) is None


def test_points_that_call_too_much_of_the_eeg_seizure_take_no_part():
    curve = curve_of(tp=[9, 8, 5], fp=[1, 2, 3], alarm_hours=[20.0, 6.0, 2.0])
    assert sensitivity_at(curve, 10).alarm_share == 20 / 24
    assert sensitivity_at(curve, 10, max_alarm_share=0.25).tp == 8
    assert sensitivity_at(curve, 10, max_alarm_share=0.01) is None


def test_the_time_in_alarm_is_that_of_the_events_at_every_threshold(recordings):
    thresholds = thresholds_for(recordings, 24)
    curve = sweep(recordings, SETTINGS, thresholds)
    for threshold, alarm_hours in zip(thresholds, curve.alarm_hours, strict=True):
        at = replace(SETTINGS, on_threshold=float(threshold))
        seconds = sum(e.duration_s for r in recordings for e in r.pair(at).hypothesis)
        assert alarm_hours * 3600 == pytest.approx(seconds, abs=1e-6)
    assert curve.alarm_share.max() > 0


def test_without_seizures_no_sensitivity_is_reachable():
    curve = curve_of(tp=[0, 0], fp=[2, 0], n_reference=0)
    assert sensitivity_at(curve, 5) is None
    assert np.isnan(curve.sensitivity).all()


def test_the_best_point_grows_with_the_rate_allowed(recordings):
    curve = sweep(recordings, SETTINGS, thresholds_for(recordings))
    found = [sensitivity_at(curve, rate) for rate in (1, 2.5, 5, 10, 1e9)]
    sensitivities = [-1.0 if point is None else point.sensitivity for point in found]
    assert sensitivities == sorted(sensitivities)


def test_thresholds_are_deterministic_ascending_and_reach_the_highest_frame(recordings):
    thresholds = thresholds_for(recordings)
    np.testing.assert_array_equal(thresholds, thresholds_for(recordings))
    assert 100 < len(thresholds) <= 200
    assert (np.diff(thresholds) > 0).all()
    assert thresholds[0] > 0
    highest = max(recording.track.probability.max() for recording in recordings)
    assert highest in thresholds


def test_an_untrained_flat_track_still_has_a_grid():
    track = Track("a", 16.0, np.full(1600, 0.5, np.float32), 100.0)
    recordings = [TrackedRecording("a", "p", 100.0, (), track)]
    curve = sweep(recordings, SETTINGS, thresholds_for(recordings))
    assert curve.fp.max() == 1
    assert curve.fp[-1] == 0


def test_a_curve_s_file_holds_every_point_and_reads_as_numbers(tmp_path, recordings):
    thresholds = thresholds_for(recordings, 20)
    curves = [sweep(recordings, SETTINGS, thresholds, c) for c in ("nedc_ovlp", "szcore_event")]
    with write_curves(tmp_path / "curve.csv", curves).open(newline="") as file:
        rows = list(csv.DictReader(file))
    for curve in curves:
        own = [row for row in rows if row["counting"] == curve.counting]
        assert [int(row["tp"]) for row in own] == curve.tp.tolist()
        assert [float(row["threshold"]) for row in own] == curve.thresholds.tolist()
        assert [float(row["fa_per_24h"]) for row in own] == curve.fa_per_24h.tolist()


@pytest.mark.parametrize("bad", [[], [0.0, 0.5], [0.5, 0.4], [0.5, 0.5], [0.5, 1.1], [np.nan]])
def test_thresholds_that_do_not_ascend_raise(recordings, bad):
    with pytest.raises(ValueError, match="must ascend"):
        sweep(recordings, SETTINGS, bad)


def test_unknown_counting_raises(recordings):
    with pytest.raises(ValueError, match="nedc_ovlp, szcore_event"):
        sweep(recordings, SETTINGS, [0.5], "taes")


def test_no_recordings_raise():
    with pytest.raises(ValueError, match="at least one recording"):
        sweep([], SETTINGS, [0.5])
