"""Claim: filtering without delay costs at most three times what filtering causally does.

    OMP_NUM_THREADS=1 python benchmarks/filtering_speed.py

Half an hour of 19 channels at 250 Hz and at 256 Hz (no resampling), on one thread. The peak is the
memory allocated on the way, the result included, in sizes of the recording.
"""

import argparse
import tracemalloc

import numpy as np
from ssd_speed import interleaved

from seizure.eeg.channels import CANONICAL_19
from seizure.eeg.filtering import PHASES, Preprocessing, filter_recording
from seizure.eeg.recording import Recording


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chains = {str(phase): Preprocessing(phase=phase) for phase in PHASES}
    for rate_hz in (250.0, 256.0):
        shape = (len(CANONICAL_19), int(options.minutes * 60 * rate_hz))
        signal_uv = np.random.default_rng(0).normal(300, 40, shape).astype(np.float32)
        source = Recording(signal_uv, rate_hz, CANONICAL_19)
        times_ms = interleaved(
            {
                phase: lambda chain=chain, source=source: filter_recording(source, chain)
                for phase, chain in chains.items()
            },
            options.rounds,
        )
        for phase, time_ms in times_ms.items():
            tracemalloc.start()
            filter_recording(source, chains[phase])
            peak = tracemalloc.get_traced_memory()[1] / signal_uv.nbytes
            tracemalloc.stop()
            print(
                f"{rate_hz:g} Hz, {phase:6s} {time_ms:7.0f} ms  "
                f"{time_ms / times_ms['causal']:4.2f} times causal, peak {peak:.2f} recordings"
            )


if __name__ == "__main__":
    main()
