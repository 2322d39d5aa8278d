"""The tracks of a scored split on disk: enough to score and compare again without a model."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seizure.cache.index import CacheIndex
from seizure.config import TrainConfig
from seizure.events.export import write_atomically
from seizure.events.track_file import read_track, write_track
from seizure.events.track_store import TrackStore
from seizure.learning.tracks import tracked
from seizure.schema import ConfigError, parse, to_plain
from seizure.scoring.case import TrackedRecording
from seizure.scoring.operating_point import Choice, parse_choice

DETECTOR_FILE = "detector.json"


@dataclass(frozen=True)
class ScoredDetector:
    """What a report says of the detector behind some tracks: no weights.

    `temperature` was fitted where `choice` was made; None where none was kept.
    """

    checkpoint: str
    trained: TrainConfig
    choice: Choice
    temperature: float | None


def write_tracks(
    folder: Path, detector: ScoredDetector, split: str, recordings: Sequence[TrackedRecording]
) -> None:
    """Write one NPZ a recording and `detector.json`; the same tracks give the same bytes."""
    for recording in recordings:
        write_track(folder / f"{recording.stem}.npz", recording.track)
    choice = {**asdict(detector.choice), "fingerprint": detector.choice.fingerprint}
    content = {
        "checkpoint": detector.checkpoint,
        "split": split,
        "configuration": to_plain(detector.trained),
        "operating_point": choice,
        "temperature": detector.temperature,
    }
    write_atomically(folder / DETECTOR_FILE, json.dumps(content, indent=1) + "\n")


def read_detector(folder: Path) -> ScoredDetector:
    """The detector behind a folder of tracks.

    Raises `ConfigError` for a folder without one, `OperatingPointError` for an edited one.
    """
    content = _content(folder)
    return ScoredDetector(
        checkpoint=content["checkpoint"],
        trained=parse(TrainConfig, content["configuration"]),
        choice=parse_choice(json.dumps(content["operating_point"]), str(folder / DETECTOR_FILE)),
        temperature=content["temperature"],
    )


def read_recordings(
    folder: Path, index: CacheIndex, split: str, scratch: Path
) -> tuple[TrackedRecording, ...]:
    """Every recording of a split, its annotated seizures from the cache, its track from a folder.

    The tracks are held in a file in `scratch` that goes with them, see `TrackStore`.

    Raises `ConfigError` where the folder is of another split or a track is missing.
    """
    stored = _content(folder)["split"]
    if stored != split:
        raise ConfigError(f"{folder}: holds tracks of {stored}, expected {split}; give split=")
    rows, store = index.rows(split).tolist(), TrackStore(scratch)
    for row in rows:
        path = folder / f"{index.stem[row]}.npz"
        if not path.is_file():
            raise ConfigError(
                f"{folder}: no {path.name}, but {split} holds that recording; these are tracks of "
                "another corpus, or of one that has grown: evaluate the checkpoint again"
            )
        store.add(read_track(path))
    return tuple(map(partial(tracked, index), rows, store.tracks()))


def _content(folder: Path) -> dict[str, Any]:
    path = folder / DETECTOR_FILE
    if not path.is_file():
        raise ConfigError(
            f"{folder}: no {DETECTOR_FILE}, expected the folder `tracks` of a run or an "
            "evaluation; evaluating its checkpoint writes one"
        )
    return json.loads(path.read_text(encoding="utf-8"))
