"""How close synthetic EEG is to real: size, spectrum, correlation by distance, amplitudes.

    OMP_NUM_THREADS=1 python benchmarks/realism.py [folder of real clips]

The folder (default `../shared/data` beside the project) has `helsinki_neonatal_30s` and
`chb01_03_crop`. Real and synthetic clips go through the same reader and filter; neonates are
compared in average reference, the bipolar crops with synthetic derivations.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import welch
from scipy.stats import kurtosis

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.eeg.annotation import Event
from seizure.eeg.channels import positions_of
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording
from seizure.eeg.montage import Montage
from seizure.eeg.recording import Recording

# Below the mains of either continent, so that one filter does for all.
FILTER = Preprocessing(band_low_hz=0.5, band_high_hz=40.0, mains_hz=None)
CLIP_S = 30.0
SETTLED_S = 2.0
N_PATIENTS = 60
APART_DEG = ((0, 45), (45, 90), (90, 180))


def measured(clip: Recording) -> dict[str, float]:
    """What is compared, of one clip; distances are angles between electrodes seen from within."""
    eeg_uv = clip.signal_uv[:, round(SETTLED_S * clip.rate_hz) :].astype(np.float64)
    eeg_uv = eeg_uv - eeg_uv.mean(axis=1, keepdims=True)
    rms_uv = eeg_uv.std(axis=1)
    hz, power = welch(eeg_uv, clip.rate_hz, nperseg=round(4 * clip.rate_hz))
    kept = (hz >= 1) & (hz <= 30)
    spectrum = np.median(power[:, kept], axis=0)
    value = np.linalg.eigvalsh(np.cov(eeg_uv))
    relative = np.abs(eeg_uv / rms_uv[:, None])
    found = {
        "RMS, µV (median channel)": float(np.median(rms_uv)),
        "RMS of strongest / weakest channel": float(rms_uv.max() / rms_uv.min()),
        "spectral slope, 1 to 30 Hz": -float(np.polyfit(np.log(hz[kept]), np.log(spectrum), 1)[0]),
        "participation ratio": float(value.sum() ** 2 / (value**2).sum()),
    }
    places = positions_of(clip.channel_names)
    upper = np.triu_indices(len(places), 1)
    angle_deg = np.degrees(np.arccos(np.clip(places @ places.T, -1, 1)))[upper]
    correlation = np.abs(np.corrcoef(eeg_uv))[upper]
    for low, high in APART_DEG:
        inside = (angle_deg >= low) & (angle_deg < high)
        found[f"|correlation|, {low} to {high}°"] = float(correlation[inside].mean())
    for percent in (50, 95, 99.9):
        quantile = np.percentile(relative, percent, axis=1)
        found[f"{percent:g} % of |samples| below, in RMS"] = float(np.median(quantile))
    found["excess kurtosis (median channel)"] = float(np.median(kurtosis(eeg_uv, axis=1)))
    return found


def cut(recording: Recording, start_s: float) -> Recording:
    """`CLIP_S` from `start_s` on."""
    start = round(start_s * recording.rate_hz)
    stop = start + round(CLIP_S * recording.rate_hz)
    return replace(recording, signal_uv=recording.signal_uv[:, start:stop])


def synthetic_clips(montage: Montage) -> Iterator[tuple[bool, Recording]]:
    """(is a seizure, clip) of every patient: one without, and each seizure from 1 s after its mark.

    Seizures shorter than half a clip are left out; real clips are seizures for an unknown part.
    """
    spec = SyntheticSpec(recording_min=5.0)
    for number in range(N_PATIENTS):
        simulated = simulate_recording(spec, "train", number, 0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "one.edf"
            write_edf(path, simulated)
            recording = filter_recording(
                read_edf(path, montage=montage), replace(FILTER, montage=montage)
            )
        last_s = simulated.duration_s - CLIP_S
        starts_s = np.random.default_rng(number).permutation(np.arange(0.0, last_s, 5.0))
        free = [s for s in starts_s if not any(_overlaps(s, event) for event in simulated.events)]
        if free:
            yield False, cut(recording, free[0])
        for event in simulated.events:
            if event.stop_s - event.start_s >= CLIP_S / 2 and event.start_s + 1.0 <= last_s:
                yield True, cut(recording, event.start_s + 1.0)


def _overlaps(start_s: float, event: Event) -> bool:
    return event.start_s < start_s + CLIP_S and start_s < event.stop_s


def real_clips(folder: Path, montage: Montage) -> Iterator[tuple[bool, Recording]]:
    """(is a seizure, clip) of every EDF file whose name says `seizure` or `nonseizure`."""
    for path in sorted(folder.rglob("*.edf")):
        recording = filter_recording(
            read_edf(path, montage=montage), replace(FILTER, montage=montage)
        )
        yield "nonseizure" not in path.stem.lower(), cut(recording, 0.0)


def table(title: str, real: list[dict[str, float]], synthetic: list[dict[str, float]]) -> None:
    """Medians, and the range of the middle 80 % where there is more than one clip."""
    print(f"\n{title}: {len(real)} real clips, {len(synthetic)} synthetic ones")
    for name in real[0]:
        row = f"{name:<36}"
        for clips in (real, synthetic):
            values = np.array([clip[name] for clip in clips])
            low, high = np.percentile(values, (10, 90))
            spread = f"({low:.2f} to {high:.2f})" if len(values) > 1 else ""
            row += f" {np.median(values):8.2f} {spread:<20}"
        print(row.rstrip())


def main() -> None:
    """Print a table for neonates and one for the bipolar crops, without and with seizures."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else beside
    kinds: tuple[tuple[str, Montage], ...] = (
        ("helsinki_neonatal_30s", "average"),
        ("chb01_03_crop", "bipolar"),
    )
    for name, montage in kinds:
        if not (shared / name).is_dir():
            print(f"{name}: not compared, there is no folder {shared / name}")
            continue
        real, synthetic = list(real_clips(shared / name, montage)), list(synthetic_clips(montage))
        for is_seizure, title in ((False, "no seizure"), (True, "seizure")):
            table(
                f"{name}, {montage} montage, {title}",
                [measured(clip) for kind, clip in real if kind == is_seizure],
                [measured(clip) for kind, clip in synthetic if kind == is_seizure],
            )


if __name__ == "__main__":
    main()
