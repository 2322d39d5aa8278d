import numpy as np
import pytest

from seizure.events.decide import Postprocessing, decide
from seizure.events.stitch import Track
from seizure.events.track_file import TrackFileError, read_track, write_track


def wandering(n_frames=16 * 1800):
    rng = np.random.default_rng(0)
    smooth = np.convolve(rng.standard_normal(n_frames + 199), np.ones(200), "valid")
    return Track("a", 16.0, (1 / (1 + np.exp(-smooth / 8))).astype(np.float32), n_frames / 16)


def test_events_of_a_track_that_was_read_again_are_the_same(tmp_path):
    track = wandering()
    again = read_track(write_track(tmp_path / "below" / "a.npz", track))
    np.testing.assert_array_equal(again.probability, track.probability)
    assert (again.stem, again.rate_hz, again.duration_s) == ("a", 16.0, 1800.0)
    settings = Postprocessing(on_threshold=0.6)
    assert decide(again, settings) == decide(track, settings) != ()
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["a.npz"]


def test_a_track_gives_the_same_bytes_twice(tmp_path):
    one, two = (write_track(tmp_path / name, wandering()) for name in ("a.npz", "b.npz"))
    assert one.read_bytes() == two.read_bytes()


def test_what_is_no_track_is_refused_by_name(tmp_path):
    whole = write_track(tmp_path / "a.npz", wandering()).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "letter.npz").write_text("no track")
    (tmp_path / "empty.npz").touch()
    np.savez(tmp_path / "other.npz", probability=np.zeros(3))
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    for name in ("array", "cut", "letter", "empty", "other", "gone"):
        with pytest.raises(TrackFileError, match=rf"{name}\.npz: "):
            read_track(tmp_path / f"{name}.npz")
