"""Synthetic EEG: speed a core with the EDF written, peak memory of 4 h, and whether bits repeat.

    OMP_NUM_THREADS=1 python benchmarks/synthetic_speed.py [hours]

Claims: at least 1000 times real time a core for 22 channels at 256 Hz; memory bounded for
recordings up to 4 h; the same bits in every process and run, whatever the number of threads.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from seizure.corpus.synthetic import SyntheticSpec, make_corpus, simulate_recording
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.corpus.synthetic.patient import draw_patient
from seizure.corpus.synthetic.plan import planned_recordings

N_CHANNELS, RATE_HZ = 22, 256
SMALL = SyntheticSpec(train_hours=1.0, dev_hours=0.2, eval_hours=0.2, recording_min=6.0)


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    print(f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}")
    with tempfile.TemporaryDirectory() as folder:
        say_speed(hours, Path(folder) / "one.edf")
        say_memory(Path(folder) / "long.edf")
        say_bits(Path(folder))


def say_speed(hours: float, path: Path) -> None:
    """Every recording of 22 channels at 256 Hz among `hours` of the default level."""
    spec = SyntheticSpec(train_hours=hours, dev_hours=0.0, eval_hours=0.0)
    simulated_s = cpu_s = elapsed_s = writing_s = 0.0
    simulate_recording(spec, "train", 0, 0)  # reads the tables
    for planned in planned_recordings(spec):
        if draw_patient(spec, planned.split, planned.patient_index).rate_hz != RATE_HZ:
            continue
        began, began_cpu = time.perf_counter(), time.process_time()
        recording = simulate_recording(
            spec, planned.split, planned.patient_index, planned.recording_index
        )
        made_cpu = time.process_time()
        write_edf(path, recording)
        ended, ended_cpu = time.perf_counter(), time.process_time()
        if len(recording.channel_labels) != N_CHANNELS:
            continue
        cpu_s += ended_cpu - began_cpu
        elapsed_s += ended - began
        writing_s += ended_cpu - made_cpu
        simulated_s += planned.duration_s
    print(f"{simulated_s / 3600:.2f} h of {N_CHANNELS} channels at {RATE_HZ} Hz, one process:")
    print(f"simulation          {simulated_s / (cpu_s - writing_s):7.0f} x real time, CPU seconds")
    print(f"with its EDF        {simulated_s / cpu_s:7.0f} x real time, CPU seconds")
    print(f"with its EDF        {simulated_s / elapsed_s:7.0f} x real time, elapsed")


def say_memory(path: Path) -> None:
    """Peak resident memory of a fresh process for one recording with its EDF."""
    for minutes in (0, 15, 60, 240):
        made = subprocess.run(
            [sys.executable, __file__, "one", str(minutes), str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
        print(f"one recording of {minutes:3d} min: {made.stdout.strip()}")


def make_one(minutes: int, path: Path) -> None:
    """Make one recording of 22 channels at 256 Hz and print the process's peak."""
    if minutes == 0:
        print(f"peak {peak_mb():4.0f} MB, imports alone")
        return
    spec = next(
        SyntheticSpec(seed=seed)
        for seed in range(1000)
        if draw_patient(SyntheticSpec(seed=seed), "train", 0).rate_hz == RATE_HZ
    )
    recording = simulate_recording(spec, "train", duration_s=60 * minutes)
    write_edf(path, recording)
    size_mb = recording.signal_uv.nbytes / 2**20
    shape = f"{len(recording.signal_uv)} channels at {recording.rate_hz} Hz"
    print(f"peak {peak_mb():4.0f} MB, its signal {size_mb:.0f} MB ({shape})")


def peak_mb() -> float:
    """Largest resident memory of this process so far; `getrusage` would count its parent's too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def say_bits(folder: Path) -> None:
    """One corpus made in four ways."""
    digests = {"one process": digest(make_corpus(folder / "one", SMALL, jobs=1))}
    digests["two processes"] = digest(make_corpus(folder / "two", SMALL, jobs=2))
    for n_threads in ("1", "4"):
        root = folder / f"threads{n_threads}"
        subprocess.run(
            [sys.executable, __file__, "corpus", str(root)],
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": n_threads, "OPENBLAS_NUM_THREADS": n_threads},
        )
        digests[f"another run, {n_threads} threads"] = digest(root)
    with ProcessPoolExecutor(3) as pool:
        backwards = [
            pool.submit(one_digest, number) for number in reversed(range(len(all_planned())))
        ]
        alone = [one_digest(number) for number in range(len(all_planned()))]
        same = [future.result() for future in backwards][::-1] == alone
    for way, found in digests.items():
        print(f"{way:25s} {found}")
    print(f"all equal: {len(set(digests.values())) == 1}; signals in any order: {same}")


def all_planned():
    """The recordings of the small corpus."""
    return planned_recordings(SMALL)


def one_digest(number: int) -> str:
    """Of one recording's signal."""
    one = all_planned()[number]
    made = simulate_recording(SMALL, one.split, one.patient_index, one.recording_index)
    return hashlib.sha256(made.signal_uv.tobytes()).hexdigest()


def digest(root: Path) -> str:
    """Of the names and bytes of every file below a folder."""
    total = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(root)}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["one", minutes, path]:
            make_one(int(minutes), Path(path))
        case ["corpus", root]:
            make_corpus(Path(root), SMALL, jobs=1)
        case _:
            main()
