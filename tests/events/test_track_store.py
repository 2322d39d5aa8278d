from pathlib import Path

import numpy as np
import pytest

from seizure.events.stitch import Track
from seizure.events.track_store import TrackStore


def some_tracks():
    rng = np.random.default_rng(0)
    return [
        Track(f"r{n}", rate_hz, rng.random(n_frames).astype(np.float32), n_frames / rate_hz)
        for n, (rate_hz, n_frames) in enumerate([(16.0, 160), (8.0, 1), (16.0, 40_000)])
    ]


def test_tracks_come_back_as_they_were_in_their_order(tmp_path):
    store = TrackStore(tmp_path)
    for track in some_tracks():
        store.add(track)
    for found, expected in zip(store.tracks(), some_tracks(), strict=True):
        np.testing.assert_array_equal(found.probability, expected.probability)
        assert (found.stem, found.rate_hz, found.duration_s) == (
            expected.stem,
            expected.rate_hz,
            expected.duration_s,
        )


def test_tracks_outlive_their_store_and_leave_nothing_behind(tmp_path):
    store = TrackStore(tmp_path / "below")
    for track in some_tracks():
        store.add(track)
    tracks = list(store.tracks())
    del store
    assert list((tmp_path / "below").iterdir()) == []
    np.testing.assert_array_equal(tracks[2].probability, some_tracks()[2].probability)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
def test_many_tracks_do_not_hold_a_descriptor_each(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    store = TrackStore(tmp_path)
    for track in some_tracks() * 40:
        store.add(track)
    tracks = list(store.tracks())
    assert len(tracks) == 120
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 20


def test_what_was_read_is_a_view_of_the_file_and_cannot_be_written(tmp_path):
    store = TrackStore(tmp_path)
    store.add(some_tracks()[0])
    (track,) = store.tracks()
    assert not track.probability.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        track.probability[0] = 1


def test_an_empty_store_holds_no_track(tmp_path):
    assert list(TrackStore(tmp_path).tracks()) == []
