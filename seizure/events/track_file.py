"""A probability track as a small NPZ, readable with `numpy.load`.

Probabilities are kept as float32, as they were decided upon: events found in a track that was read
again are the same to the last bit.
"""

import os
import zipfile
from pathlib import Path

import numpy as np

from seizure.events.stitch import Track

_FIELDS = ("probability", "rate_hz", "duration_s")


class TrackFileError(ValueError):
    """A file that holds no probability track."""


def write_track(path: str | Path, track: Track) -> Path:
    """Write `probability` (n_frames,) float32, `rate_hz` and `duration_s`, compressed, in one step.

    >>> import tempfile
    >>> track = Track("night", 16.0, np.zeros(160, np.float32), 10.0)
    >>> path = write_track(Path(tempfile.mkdtemp(), "night.npz"), track)
    >>> read_track(path).n_frames
    160
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(
                file,
                probability=track.probability,
                rate_hz=np.float64(track.rate_hz),
                duration_s=np.float64(track.duration_s),
            )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_track(path: str | Path, stem: str | None = None) -> Track:
    """The track in a file; `stem` defaults to the file's name.

    Raises `TrackFileError` for a file that is cut off or holds something else.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in _FIELDS if name in stored.files}
    # An .npy under this name is an array, which cannot be entered like an archive.
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise TrackFileError(f"{path}: cannot be read as a track ({error})") from error
    missing = [name for name in _FIELDS if name not in found]
    if missing:
        raise TrackFileError(f"{path}: no {', '.join(missing)} in it; expected a track's NPZ")
    return Track(
        stem or path.stem,
        float(found["rate_hz"]),
        found["probability"],
        float(found["duration_s"]),
    )
