"""Look at a recording: one page of EEG, as the model sees it, with what is annotated."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot

from seizure.cache.shard import read_shard
from seizure.cli.command import Verb, run
from seizure.config import LookConfig
from seizure.corpus.chbmit import ChbmitCorpus
from seizure.corpus.edf_folder import events_beside
from seizure.corpus.entry import CorpusRecording, edf_stem, printable
from seizure.eeg.annotation import SEIZURE_TYPES, AnnotationError, Event, read_csv
from seizure.eeg.edf import read_edf
from seizure.eeg.edf_annotations import EdfAnnotation, read_annotations
from seizure.eeg.filtering import Preprocessing
from seizure.eeg.page import cut_page, draw_page
from seizure.eeg.recording import Recording
from seizure.schema import ConfigError

log = logging.getLogger("seizure")

_BEFORE_SEIZURE_S = 5.0
_FORMATS = (".png", ".pdf", ".svg")
_DPI = 150


@dataclass(frozen=True, eq=False)
class Annotated:
    """A recording with what is known of it; `seizures` is None where nobody has annotated it.

    `is_filtered` says that it comes from a cache, in which nothing else is.
    """

    name: str
    recording: Recording
    seizures: tuple[Event, ...] | None
    remarks: tuple[EdfAnnotation, ...] = ()
    is_filtered: bool = False


def find(wanted: Path, cache: Path) -> Path:
    """The file that `recording=` means: the path itself, else the shard of that name in a cache.

    Raises `ConfigError` if there is none, or if several caches have one.
    """
    if wanted.is_file():
        return wanted
    # A wildcard is a name like any other.
    found = [path for path in sorted(cache.glob("*/*/*/*.npz")) if path.stem == str(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"recording: found {wanted} in several caches, give one of them: "
            + ", ".join(map(str, found))
        )
    is_folder = "; it is a folder, give a file of it" if wanted.is_dir() else ""
    raise ConfigError(
        f"recording: neither a file nor the name of a recording in {cache}: {wanted}{is_folder}"
    )


def read_annotated(path: Path, preprocessing: Preprocessing) -> Annotated:
    """An EDF or BDF file in the montage, with the annotations in and beside it; or a shard.

    Annotations that cannot be understood are said and left: the EEG can still be looked at.
    Raises `UnreadableRecording` or `CacheError`.
    """
    if path.suffix == ".npz":
        return _read_shard(path)
    recording = read_edf(
        path, preprocessing.missing, preprocessing.montage, preprocessing.max_interpolated
    )
    seizures: tuple[Event, ...] | None = None
    remarks: tuple[EdfAnnotation, ...] = ()
    try:
        seizures = seizures_of(path)
        remarks = read_annotations(path)
    except AnnotationError as error:
        log.warning("annotations that are not drawn: %s", error)
    return Annotated(printable(edf_stem(path.name) or path.stem), recording, seizures, remarks)


def seizures_of(edf: Path) -> tuple[Event, ...] | None:
    """The seizures that lie beside an EDF file in any corpus's way; None where nobody said.

    Raises `AnnotationError`.
    """
    events = events_beside(edf)
    if events is not None:
        return events
    per_channel = edf.with_name(f"{edf_stem(edf.name) or edf.stem}.csv")
    if per_channel.is_file():
        return read_csv(per_channel)
    binary = edf.with_name(f"{edf.name}.seizures")
    summary = edf.with_name(f"{edf.absolute().parent.name}-summary.txt")
    if not (binary.is_file() or summary.is_file()):
        return None
    entry = CorpusRecording(edf.stem, edf.stem, "", "eval", edf, annotation=None)
    return ChbmitCorpus(edf.absolute().parents[1]).events(entry)


def main(config: LookConfig) -> Path:
    """Write one page; the path of the picture."""
    matplotlib.use("Agg")  # a page is a file: no display is needed, even where one is promised
    path = find(config.recording, config.paths.cache)
    looked_at = read_annotated(path, config.preprocess)
    if looked_at.is_filtered and not config.filtered:
        raise ConfigError(
            f"filtered=false: {path} holds filtered EEG; give the EDF file it was made from"
        )
    recording, seizures = looked_at.recording, looked_at.seizures or ()
    at_s = config.at
    if at_s is None:
        first_s = min((event.start_s for event in seizures), default=0.0)
        at_s = float(max(0, math.floor(first_s - _BEFORE_SEIZURE_S)))
    if not 0 <= at_s < recording.duration_s:
        raise ConfigError(
            f"at: found {at_s:g} s, expected at least 0 and less than {recording.duration_s:g} s, "
            f"the length of {path}"
        )
    target = config.output or Path(f"{looked_at.name}_{at_s:g}s.png")
    if target.suffix.lower() not in _FORMATS:
        raise ConfigError(f"output: found {target}, expected a name in {', '.join(_FORMATS)}")
    filters = config.preprocess if config.filtered and not looked_at.is_filtered else None
    try:
        page = cut_page(recording, at_s, config.page_s, filters)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    state = config.preprocess.describe()
    if looked_at.is_filtered:
        state = f"{page.rate_hz:g} Hz, as in {path}"
    elif not config.filtered:
        state = f"{page.rate_hz:g} Hz, unfiltered, {config.preprocess.montage} montage"
    if page.interpolated:
        state += f", estimated: {', '.join(page.interpolated)}"
    if page.masked:
        state += f", not there: {', '.join(page.masked)}"
    title = (
        f"{looked_at.name}   {at_s:g}-{at_s + page.duration_s:g} s of {recording.duration_s:g} s"
        f"{_clock(recording, at_s)}   {state}"
    )
    figure = draw_page(page, at_s, seizures, looked_at.remarks, config.scale_uv, title)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=_DPI, bbox_inches="tight")
    except OSError as error:
        raise ConfigError(f"output: {target} cannot be written ({error.strerror})") from error
    finally:
        pyplot.close(figure)
    _say(looked_at)
    log.info("page %s", target)
    return target


def _read_shard(path: Path) -> Annotated:
    prepared = read_shard(path)
    rate_hz = float(prepared.meta["rate_hz"])
    recording = Recording(
        signal_uv=prepared.signal_uv,
        rate_hz=rate_hz,
        channel_names=tuple(prepared.meta["channel_names"]),
        interpolated=tuple(prepared.meta.get("interpolated", ())),
        masked=tuple(prepared.meta.get("masked", ())),
        issues=tuple(prepared.meta.get("issues", ())),
        start=prepared.start,
    )
    seizures = tuple(
        Event(start / rate_hz, stop / rate_hz, SEIZURE_TYPES[code])
        for (start, stop), code in zip(prepared.events, prepared.event_type, strict=True)
    )
    return Annotated(path.stem, recording, seizures, is_filtered=True)


def _clock(recording: Recording, at_s: float) -> str:
    if recording.start is None:
        return ""
    began = np.datetime64(recording.start, "s") + np.timedelta64(round(at_s), "s")
    return f" ({str(began)[11:]})"


def _say(looked_at: Annotated) -> None:
    for issue in looked_at.recording.issues:
        log.info("%s: %s", looked_at.name, issue)
    if looked_at.seizures is None:
        log.info("%s: no annotation of seizures beside it", looked_at.name)
        return
    times = ", ".join(f"{e.label} {e.start_s:g}-{e.stop_s:g} s" for e in looked_at.seizures)
    log.info("%s: %s", looked_at.name, times or "annotated, no seizure")


VERB = Verb(
    name="look",
    schema=LookConfig,
    summary="Draw one page of a recording with its seizures and remarks, filtered as the model "
    "sees it, at a fixed scale and negative up. Annotations are looked for beside the file "
    "(csv_bi, csv, TSV, CHB-MIT's) and in it (EDF+).",
    examples=(
        "python -m seizure.look recording=recording.edf",
        "python -m seizure.look recording=recording.edf at=120 page_s=20 preprocess=bipolar",
        "python -m seizure.look recording=recording.edf filtered=false output=raw.pdf",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
