"""A probability track as a file: every frame as it was scored, a few megabytes a day of EEG."""

import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from seizure.events.export import write_atomically
from seizure.events.stitch import Track

SUFFIX = ".npz"
_ARRAYS = ("probability", "rate_hz", "duration_s")


class TrackFileError(ValueError):
    """A file that does not hold a track."""


def write_track(path: str | Path, track: Track) -> Path:
    """Write a track as NPZ: `probability` float32 `(n_frames,)`, `rate_hz`, `duration_s`.

    Nothing is rounded, so that events and scores are the same from the file; the same track gives
    the same bytes. The file's name is the recording's.
    """
    content = io.BytesIO()
    np.savez_compressed(
        content,
        probability=track.probability,
        rate_hz=np.float64(track.rate_hz),
        duration_s=np.float64(track.duration_s),
    )
    return write_atomically(path, content.getvalue())


def read_track(path: str | Path) -> Track:
    """The track in a file of `write_track`, named as the file is.

    Raises:
        TrackFileError: names the file, what was found and what was expected.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as content:
            found = {name: content[name] for name in _ARRAYS if name in content}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise TrackFileError(f"{path}: found no track ({error}), expected an NPZ") from error
    if set(found) != set(_ARRAYS) or found["probability"].dtype != np.float32:
        raise TrackFileError(
            f"{path}: found {', '.join(found) or 'nothing known'}, expected the arrays "
            f"{', '.join(_ARRAYS)}, the first one float32; write it again"
        )
    stem = path.name.removesuffix(SUFFIX)
    try:
        rate_hz, duration_s = float(found["rate_hz"]), float(found["duration_s"])
        return Track(stem, rate_hz, found["probability"], duration_s)
    except (TypeError, ValueError) as error:
        raise TrackFileError(f"{path}: {error}") from error
