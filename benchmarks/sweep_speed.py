"""Claim: 200 thresholds over 1000 records of ten minutes take ≤ 120 s on one core, ≥ 100× the loop.

    OMP_NUM_THREADS=1 python benchmarks/sweep_speed.py [--tracks runs/NAME/tracks]

Two loops decide and score record by record, threshold by threshold: one on masks of frames, as it
is usually written (a state machine, scipy's opening and closing), and one that calls `decide`,
which works on runs itself. They are timed on some of the thresholds and records, where every count
must be the same. Tracks are noise at 16 frames a second that changes with every frame, the worst
for run lengths, or those of a detector, cut into ten minutes and repeated.
"""

import argparse
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
from scipy import ndimage

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.events.track_file import read_track
from seizure.scoring import nedc, szcore
from seizure.scoring.case import Pair, TrackedRecording
from seizure.scoring.curve import Counting, sweep, thresholds_for

SCORERS: dict[Counting, nedc.Scorer | szcore.Scorer] = {
    "nedc_ovlp": nedc.ovlp,
    "szcore_event": szcore.event,
}


def wandering(number: int, rate_hz: float = 16.0, duration_s: float = 600.0) -> TrackedRecording:
    """Ten minutes of a probability that wanders over seconds, higher in a third of the seizures."""
    rng = np.random.default_rng(number)
    n_frames, width = int(rate_hz * duration_s), int(3 * rate_hz)
    smooth = np.convolve(rng.standard_normal(n_frames + width - 1), np.ones(width), "valid")
    logit = 2 * smooth / np.sqrt(width) - 4 + 0.3 * rng.standard_normal(n_frames)
    seizures = []
    for start_s in rng.uniform(0, duration_s - 90, rng.integers(0, 3)):
        event = Event(float(start_s), float(start_s + rng.uniform(8, 80)))
        if not any(event.overlap_s(other) > 0 for other in seizures):
            seizures.append(event)
            logit[int(event.start_s * rate_hz) : int(event.stop_s * rate_hz)] += 4
    probability = (1 / (1 + np.exp(-logit))).astype(np.float32)
    stem = f"r{number:04d}"
    track = Track(stem, rate_hz, probability, duration_s)
    return TrackedRecording(stem, f"p{number % 100}", duration_s, tuple(sorted(seizures)), track)


def cut(folder: Path, n_records: int) -> list[TrackedRecording]:
    """Ten-minute pieces of saved tracks, repeated until there are enough; seizures made up."""
    tracks = [read_track(path) for path in sorted(folder.glob("*.npz"))]
    pieces = []
    for track in tracks:
        length = int(600 * track.rate_hz)
        starts = range(0, track.n_frames - length + 1, length)
        pieces += [(track.rate_hz, track.probability[first : first + length]) for first in starts]
    records = []
    for number, (rate_hz, probability) in zip(range(n_records), cycle(pieces), strict=False):
        made_up = wandering(number, rate_hz)
        track = Track(made_up.stem, rate_hz, probability, 600.0)
        records.append(replace(made_up, track=track))
    return records


def on_masks(recording: TrackedRecording, settings: Postprocessing) -> Pair:
    """The events of a track the slow way, frame by frame and mask by mask."""
    track = recording.track
    on, off = np.float32(settings.on_threshold), np.float32(settings.off_threshold)
    mask, active = np.zeros(track.n_frames, dtype=bool), False
    for frame, probability in enumerate(track.probability):
        active = probability >= off if active else probability >= on
        mask[frame] = active
    # Room at both ends, where there is no EEG: off.
    margin = settings.closing_frames
    mask = np.pad(mask, margin)
    mask = ndimage.binary_opening(mask, np.ones(settings.opening_frames))
    mask = ndimage.binary_closing(mask, np.ones(settings.closing_frames))[margin:-margin]
    spans: list[list[float]] = []
    labelled, _ = ndimage.label(mask)  # pyright: ignore[reportGeneralTypeIssues]
    for (found,) in ndimage.find_objects(labelled):
        start_s, stop_s = found.start / track.rate_hz, found.stop / track.rate_hz
        if stop_s - start_s >= settings.min_duration_s:
            spans.append([start_s, min(stop_s, track.duration_s)])
    merged = spans[:1]
    for start_s, stop_s in spans[1:]:
        if start_s - merged[-1][1] < settings.merge_gap_s:
            merged[-1][1] = stop_s
        else:
            merged.append([start_s, stop_s])
    events = tuple(Event(start_s, stop_s) for start_s, stop_s in merged)
    return Pair(
        recording.stem, recording.patient, recording.duration_s, recording.reference, events
    )


def on_runs(recording: TrackedRecording, settings: Postprocessing) -> Pair:
    """The same by `decide`."""
    return recording.pair(settings)


LOOPS = {"loop on masks": on_masks, "loop of decide": on_runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--looped-records", type=int, default=50)
    parser.add_argument("--looped-thresholds", type=int, default=20)
    parser.add_argument("--tracks", type=Path)
    options = parser.parse_args()
    if options.tracks is None:
        recordings = [wandering(number) for number in range(options.records)]
    else:
        recordings = cut(options.tracks, options.records)
    some = recordings[: options.looped_records]
    settings = Postprocessing()
    thresholds = thresholds_for(recordings, 200)
    looped = np.linspace(0, thresholds.size - 1, options.looped_thresholds).astype(int)
    share = looped.size * len(some) / (thresholds.size * len(recordings))
    for counting, scorer in SCORERS.items():
        start, used = time.perf_counter(), time.process_time()
        curve = sweep(recordings, settings, thresholds, counting)
        swept_s, swept_cpu_s = time.perf_counter() - start, time.process_time() - used
        print(
            f"{counting}: {thresholds.size} thresholds × {len(recordings)} records swept in "
            f"{swept_s:.1f} s ({swept_cpu_s:.1f} s of processor time); up to "
            f"{int(curve.fp.max())} false alarms",
            flush=True,
        )
        of_some = sweep(some, settings, thresholds, counting)
        for name, decided in LOOPS.items():
            used, n_different = time.process_time(), 0
            for place in looped.tolist():
                at = replace(settings, on_threshold=float(thresholds[place]))
                counts = [scorer(decided(recording, at)) for recording in some]
                expected = (sum(c.tp for c in counts), sum(c.fp for c in counts))
                n_different += expected != (of_some.tp[place], of_some.fp[place])
            loop_s = (time.process_time() - used) / share
            print(
                f"  {name}: {loop_s:.0f} s of processor time for all, {loop_s / swept_cpu_s:.0f} "
                f"times as much; {n_different} of {looped.size} thresholds differ on "
                f"{len(some)} records",
                flush=True,
            )


if __name__ == "__main__":
    main()
