import numpy as np
import pytest

from seizure.events.stitch import Track
from seizure.events.track_file import TrackFileError, read_track, write_track


def make_track(stem="a.b_s001", n_frames=1600):
    probability = np.random.default_rng(0).random(n_frames).astype(np.float32)
    probability[:3] = 0, 1, np.float32(1e-30)
    return Track(stem, 16.0, probability, n_frames / 16 - 0.01)


def test_a_track_comes_back_to_the_last_bit(tmp_path):
    track = make_track()
    found = read_track(write_track(tmp_path / "new" / f"{track.stem}.npz", track))
    assert (found.stem, found.rate_hz, found.duration_s) == ("a.b_s001", 16.0, track.duration_s)
    assert found.probability.tobytes() == track.probability.tobytes()


def test_the_same_track_gives_the_same_bytes(tmp_path):
    one, two = (write_track(tmp_path / n / "a.npz", make_track("a")).read_bytes() for n in "xy")
    assert one == two


def test_a_day_takes_no_more_than_its_frames(tmp_path):
    track = make_track("a", 16 * 86_400)
    assert write_track(tmp_path / "a.npz", track).stat().st_size < 4 * track.n_frames + 1000


def write(path, **arrays):
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(b""), "found no track"),
        (lambda path: path.write_bytes(b"a letter"), "found no track"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "found no track"),
        (lambda path: path.unlink(), "found no track"),
        (lambda path: write(path, probability=np.zeros(9, np.float32)), "expected the arrays"),
        (
            lambda path: write(path, probability=np.zeros(9), rate_hz=1.0, duration_s=9.0),
            "float32",
        ),
        (
            lambda path: write(
                path, probability=np.full(9, 2, np.float32), rate_hz=1.0, duration_s=9.0
            ),
            "not probabilities",
        ),
        (
            lambda path: write(path, probability=np.array([object()]), rate_hz=1, duration_s=1),
            "found no track",
        ),
    ],
    ids=["empty", "text", "cut", "missing", "few", "float64", "above one", "pickled"],
)
def test_a_file_that_holds_no_track_is_refused_by_name(tmp_path, spoil, says):
    path = write_track(tmp_path / "a.npz", make_track("a"))
    spoil(path)
    with pytest.raises(TrackFileError, match=rf"a\.npz: .*{says}"):
        read_track(path)
