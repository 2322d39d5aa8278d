"""Features of synthetic recordings made one at a time, kept on disk; the EEG itself is not kept.

Each recording goes through an EDF file, the package's reader and its filter, as a real one does.
"""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from features import Feature, band_power, line_length, power_over_the_head, synchrony
from numpy.typing import NDArray

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.corpus.synthetic.plan import planned_recordings
from seizure.corpus.synthetic.scene import TruthEvent
from seizure.corpus.synthetic.spec import GENERATOR_VERSION, PlannedRecording
from seizure.eeg.annotation import Event
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording
from seizure.events.stitch import Track
from seizure.scoring.case import TrackedRecording

FEATURES: dict[str, Feature] = {
    "line_length": line_length,
    "band_power": band_power,
    "power": power_over_the_head,
    "synchrony": synchrony,
}
PREPROCESSING = Preprocessing(montage="average")


@dataclass(frozen=True, eq=False)
class Examined:
    """A recording as detectors see it: features (second, feature) by name, relative to its own
    median, with its seizures and the truth of everything else."""

    planned: PlannedRecording
    events: tuple[Event, ...]
    truth: tuple[TruthEvent, ...]
    features: dict[str, NDArray[np.float32]]

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Whether the middle of each second is in a seizure."""
        middle_s = np.arange(self.planned.duration_s) + 0.5
        labels = np.zeros(len(middle_s), dtype=bool)
        for event in self.events:
            labels |= (middle_s >= event.start_s) & (middle_s < event.stop_s)
        return labels

    def tracked(self, probability: NDArray[np.floating]) -> TrackedRecording:
        """The same with a detector's track, one probability a second."""
        stem, duration_s = self.planned.stem, float(self.planned.duration_s)
        track = Track(stem, 1.0, probability.astype(np.float32), duration_s)
        return TrackedRecording(stem, self.planned.patient, duration_s, self.events, track)


def examined(spec: SyntheticSpec, split: str, store: Path, jobs: int = 1) -> Iterator[Examined]:
    """Every recording of a split; what `store` holds already is not made again."""
    planned = [one for one in planned_recordings(spec) if one.split == split]
    folder = store / f"version-{GENERATOR_VERSION}-{spec.difficulty}-seed-{spec.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{one.stem}-{one.duration_s}s.npz" for one in planned]
    missing = [(spec, one, path) for one, path in zip(planned, paths, strict=True)]
    missing = [task for task in missing if not task[-1].exists()]
    if jobs == 1:
        for task in missing:
            _examine(task)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            for _ in pool.map(_examine, missing, chunksize=4):
                pass
    for one, path in zip(planned, paths, strict=True):
        yield _read(one, path)


def _examine(task: tuple[SyntheticSpec, PlannedRecording, Path]) -> None:
    """Make a recording, and write its features, events and truth."""
    spec, one, path = task
    made = simulate_recording(
        spec, one.split, one.patient_index, one.recording_index, one.duration_s
    )
    with tempfile.TemporaryDirectory() as folder:
        edf = Path(folder) / "one.edf"
        write_edf(edf, made)
        recording = filter_recording(read_edf(edf, montage="average"), PREPROCESSING)
    found = {}
    for name, feature in FEATURES.items():
        values = feature(recording.signal_uv, recording.rate_hz)[: one.duration_s]
        found[name] = (values - np.median(values, axis=0)).astype(np.float32)
    words = {
        "events": [asdict(event) for event in made.events],
        "truth": [asdict(event) for event in made.truth],
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, allow_pickle=False, words=np.array(json.dumps(words)), **found)
    part.replace(path)


def _read(one: PlannedRecording, path: Path) -> Examined:
    with np.load(path, allow_pickle=False) as stored:
        words = json.loads(str(stored["words"]))
        features = {name: stored[name] for name in FEATURES}
    truth = tuple(
        TruthEvent(**{**event, "electrodes": tuple(event["electrodes"])})
        for event in words["truth"]
    )
    return Examined(one, tuple(Event(**event) for event in words["events"]), truth, features)
