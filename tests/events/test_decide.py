import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from seizure.events.decide import Postprocessing, decide
from seizure.events.stitch import Track

RATE_HZ = 16.0
PLAIN = Postprocessing(
    0.5, 1.0, opening_frames=1, closing_frames=1, min_duration_s=0, merge_gap_s=0
)

settings_drawn = st.builds(
    Postprocessing,
    on_threshold=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
    off_ratio=st.sampled_from([0.3, 0.78 / 0.86, 1.0]),
    opening_frames=st.integers(0, 9),
    closing_frames=st.integers(0, 9),
    min_duration_s=st.sampled_from([0.0, 0.25, 0.5]),
    merge_gap_s=st.sampled_from([0.0, 0.25, 0.6]),
)
# Few levels and long runs make every rule bite.
values_drawn = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.72, 0.75, 1.0]), st.integers(1, 9)),
    min_size=1,
    max_size=40,
).map(lambda runs: np.concatenate([np.full(n, p, np.float32) for p, n in runs]))


def track_of(values, partial=0.0):
    return Track("a", RATE_HZ, values, (len(values) - partial) / RATE_HZ)


def slow_decide(track, settings):
    """The definitions frame by frame, on a record padded with silence."""
    is_on, mask = False, []
    for p in track.probability:
        is_on = p >= np.float32(settings.off_threshold if is_on else settings.on_threshold)
        mask.append(is_on)
    pad = settings.opening_frames + settings.closing_frames + 2
    mask = np.pad(np.array(mask), pad)
    mask = ndimage.binary_opening(mask, np.ones(max(1, settings.opening_frames)))
    mask = ndimage.binary_closing(mask, np.ones(max(1, settings.closing_frames)))[pad:-pad]
    labels, n = ndimage.label(mask)
    events = []
    for number in range(1, n + 1):
        where = np.flatnonzero(labels == number)
        events.append([where[0] / track.rate_hz, (where[-1] + 1) / track.rate_hz])
    events = [[start, min(stop, track.duration_s)] for start, stop in events]
    events = [e for e in events if e[1] - e[0] >= max(settings.min_duration_s, 1e-3) - 1e-12]
    merged = []
    for event in events:
        if merged and event[0] - merged[-1][1] < settings.merge_gap_s - 1e-12:
            merged[-1][1] = event[1]
        else:
            merged.append(event)
    return [tuple(event) for event in merged]


@given(values_drawn, settings_drawn, st.sampled_from([0.0, 0.5]))
def test_decide_equals_the_definitions_frame_by_frame(values, settings, partial):
    track = track_of(values, partial)
    found = [(event.start_s, event.stop_s) for event in decide(track, settings)]
    assert found == slow_decide(track, settings)


@given(values_drawn, settings_drawn, st.sampled_from([0.0, 0.5]))
def test_events_are_sorted_apart_and_inside_the_recording(values, settings, partial):
    track = track_of(values, partial)
    events = decide(track, settings)
    for before, after in itertools.pairwise(events):
        assert after.start_s - before.stop_s >= max(settings.merge_gap_s - 1e-9, 1 / RATE_HZ - 1e-9)
    for event in events:
        assert 0 <= event.start_s < event.stop_s <= track.duration_s
        assert event.duration_s >= settings.min_duration_s - 1e-9
        assert 0 <= event.confidence <= 1


@given(values_drawn, settings_drawn)
def test_deciding_on_decided_events_changes_nothing(values, settings):
    track = track_of(values)
    events = decide(track, settings)
    again = np.zeros(track.n_frames, np.float32)
    for event in events:
        again[round(event.start_s * RATE_HZ) : round(event.stop_s * RATE_HZ)] = 1
    once_more = decide(track_of(again), settings)
    assert [(e.start_s, e.stop_s) for e in once_more] == [(e.start_s, e.stop_s) for e in events]


@given(values_drawn, settings_drawn, st.integers(1, 50))
def test_silence_before_a_recording_only_shifts_its_events(values, settings, n_frames):
    events = decide(track_of(values), settings)
    later = decide(track_of(np.concatenate([np.zeros(n_frames, np.float32), values])), settings)
    assert [(e.start_s + n_frames / RATE_HZ, e.stop_s + n_frames / RATE_HZ) for e in events] == [
        (e.start_s, e.stop_s) for e in later
    ]


def frames(*runs):
    return track_of(np.concatenate([np.full(n, p, np.float32) for p, n in runs]))


def test_an_event_starts_where_on_is_reached_and_not_before():
    settings = replace(PLAIN, on_threshold=0.8, off_ratio=0.5)
    (event,) = decide(frames((0.5, 16), (0.9, 16), (0.5, 16), (0.3, 16)), settings)
    assert (event.start_s, event.stop_s) == (1.0, 3.0)


@pytest.mark.parametrize(("n", "n_events"), [(10, 0), (11, 1)])
def test_a_run_shorter_than_the_opening_vanishes_at_the_edge_of_the_recording_too(n, n_events):
    settings = replace(PLAIN, opening_frames=11)
    assert len(decide(frames((0.9, n), (0.1, 30)), settings)) == n_events
    assert len(decide(frames((0.1, 30), (0.9, n)), settings)) == n_events


@pytest.mark.parametrize(("n", "n_events"), [(30, 1), (31, 2)])
def test_a_gap_shorter_than_the_closing_is_filled(n, n_events):
    settings = replace(PLAIN, closing_frames=31)
    assert len(decide(frames((0.9, 20), (0.1, n), (0.9, 20)), settings)) == n_events


def test_closing_never_reaches_the_ends_of_the_recording():
    (event,) = decide(frames((0.1, 5), (0.9, 20), (0.1, 5)), replace(PLAIN, closing_frames=31))
    assert (event.start_s, event.stop_s) == (5 / 16, 25 / 16)


@pytest.mark.parametrize(("n", "n_events"), [(31, 1), (32, 2)])
def test_gaps_under_two_seconds_merge_and_two_seconds_do_not(n, n_events):
    settings = replace(PLAIN, merge_gap_s=2.0)
    assert len(decide(frames((0.9, 48), (0.1, n), (0.9, 48)), settings)) == n_events


@pytest.mark.parametrize(("n", "n_events"), [(47, 0), (48, 1)])
def test_events_of_exactly_the_minimum_duration_stay(n, n_events):
    assert len(decide(frames((0.1, 7), (0.9, n)), replace(PLAIN, min_duration_s=3.0))) == n_events


def test_minimum_duration_acts_before_merging():
    settings = replace(PLAIN, min_duration_s=3.0, merge_gap_s=2.0)
    assert decide(frames((0.9, 30), (0.1, 8), (0.9, 30)), settings) == ()


def test_confidence_is_the_mean_over_the_event_with_its_bridged_gap():
    settings = replace(PLAIN, closing_frames=31)
    (event,) = decide(frames((0.75, 10), (0.25, 10), (0.75, 10)), settings)
    assert event.confidence == pytest.approx((0.75 * 20 + 0.25 * 10) / 30)


@pytest.mark.parametrize("rate_hz", [0.5, 3.0, 7.3, 100.0])
def test_any_rate_gives_events_inside_the_recording(rate_hz):
    values = (np.random.default_rng(0).random(997) < 0.7).astype(np.float32)
    track = Track("a", rate_hz, values, 997 / rate_hz)
    for event in decide(track, PLAIN):
        assert 0 <= event.start_s < event.stop_s <= track.duration_s


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_threshold", 0.0),
        ("on_threshold", 1.1),
        ("off_ratio", 0.0),
        ("off_ratio", 1.01),
        ("opening_frames", -1),
        ("min_duration_s", float("nan")),
        ("merge_gap_s", float("inf")),
    ],
)
def test_settings_that_mean_nothing_raise_and_name_themselves(name, value):
    with pytest.raises(ValueError, match=name):
        replace(PLAIN, **{name: value})
