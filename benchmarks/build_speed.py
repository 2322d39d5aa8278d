"""Claim: preparing an hour of EEG takes 1/20 of what the original chain took.

    OMP_NUM_THREADS=1 python benchmarks/build_speed.py [--hours 1] [--recording-min 15]

Both chains prepare the same synthetic EDF files in turn, in one process on one thread, from the
EDF file to the finished file on disk. The original (original_chain.py): MNE reads with preload,
filters 0.5 to 120 Hz and notches 60 Hz by FIR with its defaults, resamples to 256 Hz; windows of
60 s every 10 s; `savez_compressed`. Ours: reads, resamples, one cascade of IIR sections,
statistics, 16 bits; one uncompressed file of the continuous recording. Both have their file on the
disk when they end, and begin with nothing left to write, so that neither waits for the other.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from original_chain import original_windows, synthetic_recordings, write_original

from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import write_shard
from seizure.corpus.entry import CorpusRecording
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--recording-min", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recordings = synthetic_recordings(folder / "corpus", options.hours, options.recording_min)
        corpus = TuszCorpus(folder / "corpus")
        path = folder / "one.npz"

        def ours(recording: CorpusRecording) -> None:
            events = corpus.events(recording)
            write_shard(path, prepare_recording(recording, events, Preprocessing()))

        def filtering(recording: CorpusRecording) -> None:
            original_windows(recording.edf)

        def original(recording: CorpusRecording) -> None:
            write_original(path, original_windows(recording.edf))
            with path.open("rb") as file:
                os.fsync(file.fileno())

        chains: dict[str, Callable[[CorpusRecording], None]] = {
            "ours": ours,
            "original, nothing written": filtering,
            "original": original,
        }
        for chain in chains.values():
            chain(recordings[0])  # imports, designs of filters, pages
        clocks = {"elapsed": time.perf_counter, "processor": time.process_time}
        taken = {label: dict.fromkeys(clocks, 0.0) for label in chains}
        for recording in recordings:
            for label, chain in chains.items():
                path.unlink(missing_ok=True)  # to take another's place costs the disk time
                os.sync()
                before = {name: clock() for name, clock in clocks.items()}
                chain(recording)
                for name, clock in clocks.items():
                    taken[label][name] += clock() - before[name]
        n_bytes = sum(recording.edf.stat().st_size for recording in recordings)
        print(f"{len(recordings)} recordings, {n_bytes / 1e6:.0f} MB of EDF")
        for label, by_clock in taken.items():
            for name, taken_s in by_clock.items():
                ratio = taken_s / taken["ours"][name]
                print(f"  {label:26s} {taken_s:7.2f} s {name:9s}  {ratio:5.1f} x ours")


if __name__ == "__main__":
    main()
