"""How many times faster than real time one core makes synthetic EEG, simulation and EDF apart.

    OMP_NUM_THREADS=1 python benchmarks/synthetic_speed.py [hours]

Floor: 200 times real time per core with the file written; aim: 1000.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.corpus.synthetic.plan import planned_recordings


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    spec = SyntheticSpec(train_hours=hours, dev_hours=0.0, eval_hours=0.0)
    simulated_s = cpu_s = writing_s = 0.0
    simulate_recording(spec, "train", 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for planned in planned_recordings(spec):
            start_s = time.process_time()
            recording = simulate_recording(
                spec, planned.split, planned.patient_index, planned.recording_index
            )
            made_s = time.process_time()
            path = Path(folder) / "one.edf"
            write_edf(path, recording)
            cpu_s += time.process_time() - start_s
            writing_s += time.process_time() - made_s
            simulated_s += planned.duration_s
    print(
        f"{simulated_s / 3600:.2f} h, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}"
    )
    print(f"simulation            {simulated_s / (cpu_s - writing_s):7.0f} x real time")
    print(f"simulation and EDF    {simulated_s / cpu_s:7.0f} x real time (CPU seconds)")


if __name__ == "__main__":
    main()
