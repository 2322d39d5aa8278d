import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.events.stitch import Stitcher, Track


@given(st.integers(1, 60), st.integers(1, 20), st.data())
def test_overlapping_windows_become_their_mean(n_frames, length, data):
    starts = data.draw(st.permutations(range(0, n_frames, max(1, length // 2))))
    rng = np.random.default_rng(n_frames * 100 + length)
    stitcher = Stitcher(16.0, n_frames)
    seen = [[] for _ in range(n_frames)]
    for start in starts:
        window = rng.random(length).astype(np.float32)
        stitcher.add(start, window)
        for i, value in enumerate(window):
            if start + i < n_frames:
                seen[start + i].append(float(value))
    track = stitcher.track("a")
    np.testing.assert_allclose(track.probability, [np.mean(v) for v in seen], rtol=1e-6)


def test_order_of_windows_does_not_change_the_track():
    rng = np.random.default_rng(0)
    windows = [(start, rng.random(20)) for start in range(0, 81, 5)]
    tracks = []
    for order in (windows, windows[::-1]):
        stitcher = Stitcher(16.0, 100)
        for start, window in order:
            stitcher.add(start, window)
        tracks.append(stitcher.track("a").probability)
    np.testing.assert_array_equal(*tracks)


def test_a_gap_raises_and_names_the_first_uncovered_frame():
    stitcher = Stitcher(16.0, 48)
    stitcher.add(0, np.zeros(16))
    stitcher.add(32, np.zeros(16))
    assert not stitcher.complete
    with pytest.raises(
        ValueError, match=r"a: 16 of 48 frames are in no window.* frame 16 \(1.00 s"
    ):
        stitcher.track("a")


def test_padding_past_the_end_is_dropped():
    stitcher = Stitcher(16.0, 20)
    stitcher.add(0, np.full(32, 0.25))
    assert stitcher.track("a").n_frames == 20


@pytest.mark.parametrize("start", [-1, 20])
def test_a_window_outside_the_recording_raises(start):
    with pytest.raises(ValueError, match="the recording has frames 0 to 19"):
        Stitcher(16.0, 20).add(start, [0.5])


def test_window_that_is_not_finite_raises():
    with pytest.raises(ValueError, match="not finite"):
        Stitcher(16.0, 20).add(0, [0.5, np.nan])


@pytest.mark.parametrize("values", [[0.5, np.nan], [1.5, 0.0], [-0.1, 0.0]])
def test_a_track_holds_probabilities_only(values):
    with pytest.raises(ValueError, match="1 of 2 frames are not probabilities"):
        Track("a", 1.0, np.array(values, np.float32), 2.0)


@pytest.mark.parametrize("duration_s", [9.0, 9.93, 10.07, 12.0])
def test_a_track_covers_its_recording(duration_s):
    with pytest.raises(ValueError, match="do not cover"):
        Track("a", 16.0, np.zeros(160, np.float32), duration_s)


def test_the_last_frame_may_be_partial():
    assert Track("a", 16.0, np.zeros(160, np.float32), 9.95).duration_s == 9.95


def test_an_empty_track_raises():
    with pytest.raises(ValueError, match="at least one frame"):
        Track("a", 16.0, np.zeros(0, np.float32), 1.0)
