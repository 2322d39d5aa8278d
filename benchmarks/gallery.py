"""Draw the pages of docs/gallery.md: every background, confounder and seizure type, as a reader
of EEG would look at it.

    OMP_NUM_THREADS=1 python benchmarks/gallery.py [folder] [name …]

Each page is cut from a recording of the default corpus, in which the event stands by itself and is
not smaller than most of its kind: the first, or the one that was chosen by eye among the next.
Bipolar, negative up, 0.1 to 70 Hz, since higher edges bend slow waves and blinks; without mains,
but for a lost contact.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from seizure.corpus.synthetic import SyntheticSpec, simulate_recording
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.corpus.synthetic.recording import SimulatedRecording
from seizure.corpus.synthetic.scene import TruthEvent
from seizure.eeg.annotation import Event
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing
from seizure.eeg.page import cut_page, draw_page

SPEC = SyntheticSpec(recording_min=10.0)
FILTER = Preprocessing(band_low_hz=0.1, band_high_hz=70.0, montage="bipolar")
N_PATIENTS = 150
N_COLOURS = 8
DPI = 66


@dataclass(frozen=True)
class View:
    """How a page shows its subject: seconds, µV between two channels, and what came before.

    `passed_over` pages come before it whose subject is seen less well.
    """

    page_s: float = 15.0
    scale_uv: float = 100.0
    before_s: float = 3.0
    passed_over: int = 0
    filtered: Preprocessing = FILTER


STATES = ("eyes_open", "eyes_closed", "drowsy", "n2", "n3", "icu")
VIEWS: dict[str, View] = {
    **{state: View() for state in STATES},
    "eyes_open": View(passed_over=2),
    "n2": View(scale_uv=150.0, passed_over=71),
    "n3": View(scale_uv=150.0),
    "absence": View(scale_uv=300.0),
    "temporal": View(page_s=40.0, scale_uv=150.0),
    "frontal": View(page_s=20.0, scale_uv=150.0),
    "tonic_clonic": View(page_s=45.0, scale_uv=300.0, before_s=-48.0),
    "icu": View(page_s=40.0, scale_uv=150.0, passed_over=1),
    "subtle": View(page_s=40.0),
    "brief": View(scale_uv=150.0),
    "slowing": View(page_s=30.0, scale_uv=150.0),
    "fast_activity": View(page_s=20.0, scale_uv=150.0),
    "multifocal_discharges": View(page_s=20.0, scale_uv=200.0, passed_over=2),
    "arousal": View(scale_uv=150.0),
    "rhythmic_delta": View(scale_uv=150.0),
    "temporal_theta": View(page_s=30.0, scale_uv=150.0),
    "periodic_discharges": View(page_s=20.0, scale_uv=150.0),
    "spike_wave_burst": View(page_s=10.0, scale_uv=200.0),
    "photic_driving": View(),
    "muscle": View(scale_uv=150.0),
    "electrode_pop": View(scale_uv=150.0),
    "rhythmic_artefact": View(page_s=30.0, scale_uv=150.0),
    "movement": View(scale_uv=200.0),
    "chewing": View(scale_uv=200.0, passed_over=1),
    "pop_train": View(scale_uv=150.0),
    "sweat": View(page_s=30.0, scale_uv=150.0, before_s=-15.0),
    "disconnection": View(scale_uv=300.0, filtered=replace(FILTER, mains_hz=None), passed_over=1),
}
"""By the names of the truth files; `icu` is the state, the seizure is `icu_seizure`."""
VIEWS["icu_seizure"] = VIEWS["icu"]
VIEWS["icu"] = View(scale_uv=150.0, passed_over=26)
ALONE_S = 3.0


@cache
def recording(number: int) -> SimulatedRecording:
    """The first recording of a patient of train."""
    return simulate_recording(SPEC, "train", number)


def subjects(name: str) -> Iterator[tuple[SimulatedRecording, float, tuple[TruthEvent, ...]]]:
    """(recording, second, events on the page) of a name, in order of patients."""
    view, cause = VIEWS[name], name.removesuffix("_seizure")
    for number in range(N_PATIENTS):
        made = recording(number)
        if name in STATES:
            for start_s, stop_s, state in made.vigilance:
                for at_s in np.arange(start_s, stop_s - view.page_s, view.page_s):
                    if state == name and not _events_in(made, at_s, at_s + view.page_s):
                        yield made, float(at_s), ()
            continue
        for event in made.truth:
            start_s = event.start_s - view.before_s
            stop_s = start_s + view.page_s
            inside = start_s >= 0 and stop_s <= made.duration_s
            around = _events_in(made, max(start_s, event.start_s - ALONE_S), stop_s)
            others = [one for one in around if one is not event]
            if event.cause == cause and inside and not others:
                yield made, start_s, (event,)


def _events_in(made: SimulatedRecording, start_s: float, stop_s: float) -> list[TruthEvent]:
    return [one for one in made.truth if one.start_s < stop_s and start_s < one.stop_s]


def chosen(name: str) -> tuple[SimulatedRecording, float, tuple[TruthEvent, ...]]:
    """The first subject that is as large as half of them, or one of the next."""
    found = list(subjects(name))
    if not found:
        raise SystemExit(f"{name}: none stands by itself in {N_PATIENTS} recordings")
    size_uv = [max((event.peak_uv for event in events), default=0.0) for *_, events in found]
    middle_uv = median(size_uv)
    large = [one for one, each_uv in zip(found, size_uv, strict=True) if each_uv >= middle_uv]
    return large[VIEWS[name].passed_over]


def page(name: str) -> Figure:
    """The page of a name."""
    view, (made, start_s, events) = VIEWS[name], chosen(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.edf"
        write_edf(path, made)
        whole = read_edf(path, montage="bipolar")
    cut = cut_page(whole, start_s, view.page_s, view.filtered)
    marks = [Event(one.start_s, one.stop_s, f"{one.origin}: {one.cause}") for one in events]
    spoken = f"background: {name}" if name in STATES else name.removesuffix("_seizure")
    title = f"synthetic EEG, {spoken.replace('_', ' ')} (patient {made.planned.patient})"
    return draw_page(cut, start_s, marks, scale_uv=view.scale_uv, title=title)


def write_small(figure: Figure, path: Path) -> int:
    """Write a figure as a PNG of few colours, and close it; its bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    plt.close(figure)
    buffer.seek(0)
    few = Image.open(buffer).convert("RGB").quantize(N_COLOURS)
    few.save(path, optimize=True)
    return path.stat().st_size


def main() -> None:
    """Draw all pages, or those named."""
    beside = Path(__file__).resolve().parents[1] / "docs" / "figures" / "gallery"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else beside
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or VIEWS:
        n_bytes = write_small(page(name), folder / f"{name}.png")
        print(f"{name:<24}{n_bytes / 1000:6.1f} kB", flush=True)


if __name__ == "__main__":
    main()
