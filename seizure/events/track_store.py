"""Tracks of many recordings in one file on disk instead of in memory."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seizure.events.stitch import Track


class TrackStore:
    """Takes tracks one by one and gives them back as views of one mapped file.

    The file has no name: it is gone when the last of its tracks is, however the program ends. What
    the system holds of it in memory it takes back when that is short. One descriptor for all.

    >>> store = TrackStore(Path(tempfile.gettempdir()))
    >>> store.add(Track("night", 16.0, np.full(160, 0.25, np.float32), 10.0))
    >>> [(track.stem, float(track.probability[0])) for track in store.tracks()]
    [('night', 0.25)]
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._described: list[tuple[str, float, int, float]] = []

    def add(self, track: Track) -> None:
        """Keep a track."""
        self._file.write(track.probability.tobytes())
        self._described.append((track.stem, track.rate_hz, track.n_frames, track.duration_s))

    def tracks(self) -> Iterator[Track]:
        """Every track in the order in which they were added; none may be added after."""
        self._file.flush()
        if not self._described:
            return
        with self._file:
            every = np.memmap(self._file, dtype=np.float32, mode="r")
        first = 0
        for stem, rate_hz, n_frames, duration_s in self._described:
            yield Track(stem, rate_hz, every[first : first + n_frames], duration_s)
            first += n_frames
