"""Find seizures in EDF files, or in what MNE has loaded, with a trained detector."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mne
from mne.io import BaseRaw

from seizure.cli.command import Verb, run
from seizure.cli.progress import progress
from seizure.config import PredictConfig
from seizure.corpus.entry import edf_stem, files_below, printable
from seizure.eeg.mne_raw import recording_of_raw
from seizure.eeg.recording import UnreadableRecording
from seizure.events.export import UNKNOWN_START, write_csv_bi, write_tsv
from seizure.events.track_file import write_track
from seizure.schema import ConfigError
from seizure.scoring.track_page import plot_track
from seizure.trained import Detected, TrainedDetector, load_detector

__all__ = ["load_detector", "predict"]

log = logging.getLogger("seizure")


def predict(raw: BaseRaw, detector: TrainedDetector) -> mne.Annotations:
    """The seizures found in an `mne.io.Raw`, for `raw.set_annotations`, described as `seizure`.

    They are those of the file that it was read from, cropped as the Raw is. Channels marked bad
    take no part. Add them to others with `raw.annotations + predict(raw, detector)`. Raises
    `UnreadableRecording` where electrodes are missing.
    """
    detected = detector.find(
        recording_of_raw(
            raw,
            detector.preprocess.missing,
            detector.preprocess.montage,
            detector.preprocess.max_interpolated,
        )
    )
    for remark in detected.remarks:
        log.info("%s", remark)
    # Onsets count from `orig_time` where there is one, which is before the crop.
    measured = raw.info["meas_date"]
    first_s = 0.0 if measured is None else float(raw.first_time)
    return mne.Annotations(
        onset=[first_s + event.start_s for event in detected.events],
        duration=[event.duration_s for event in detected.events],
        description=["seizure"] * len(detected.events),
        orig_time=measured,
    )


@dataclass(frozen=True)
class Found:
    """An EDF file and its name in the output, which keeps the folders it was found in."""

    edf: Path
    name: Path


def edf_files(source: Path) -> Iterator[Found]:
    """The EDF or BDF file, or every one below a folder, in order.

    Raises `ConfigError` if there is none, or if two would write the same output.
    """
    try:
        is_file, is_folder = source.is_file(), source.is_dir()
    except OSError as error:
        raise ConfigError(f"input: {source} cannot be opened ({error.strerror})") from error
    if is_file:
        yield Found(source, Path(printable(edf_stem(source.name) or source.stem)))
        return
    if not is_folder:
        raise ConfigError(f"input: neither a file nor a folder: {source}")
    found = [path for path in files_below(source) if edf_stem(path.name) is not None]
    if not found:
        raise ConfigError(f"input: no .edf file in {source}, nor .bdf, .edf.gz or .bdf.gz")
    seen: dict[Path, Path] = {}
    for path in found:
        below = path.relative_to(source)
        name = Path(printable(str(below.with_name(edf_stem(path.name) or path.stem))))
        if seen.setdefault(name, path) != path:
            raise ConfigError(
                f"input: {seen[name]} and {path} would both be written as {name}.csv_bi; predict "
                "one of them by itself"
            )
        yield Found(path, name)


def write_detected(
    target: Path, detected: Detected, threshold: float, track_too: bool, picture_too: bool
) -> None:
    """Write `<target>.csv_bi` and `.tsv`, and what is asked for beside them: `.npz`, `.png`."""
    track, events = detected.track, detected.events
    target.parent.mkdir(parents=True, exist_ok=True)

    def named(suffix: str) -> Path:
        return target.with_name(f"{target.name}{suffix}")

    write_csv_bi(named(".csv_bi"), events, track.duration_s)
    write_tsv(named(".tsv"), events, track.duration_s, detected.start or UNKNOWN_START)
    if track_too:
        write_track(named(".npz"), track)
    if picture_too:
        plot_track(named(".png"), track, events, threshold, title=target.name)


def main(config: PredictConfig) -> int:
    """Predict every file; 1 if some could not be read."""
    files = list(edf_files(config.input))
    detector = load_detector(
        config.checkpoint,
        config.on_threshold,
        config.accelerator,
        config.missing,
        config.batch_size,
    )
    threshold = detector.settings.on_threshold
    failures: list[UnreadableRecording] = []
    n_events = 0
    with progress("predicting") as report:
        for n_done, found in enumerate(files, 1):
            try:
                detected = detector.find_in_file(found.edf, found.name.name)
            except UnreadableRecording as error:
                failures.append(error)
            else:
                # What was odd or estimated is said: nobody else would.
                for remark in detected.remarks:
                    log.info("%s: %s", found.edf, remark)
                target = config.output / found.name
                write_detected(target, detected, threshold, config.track, config.picture)
                n_events += len(detected.events)
            report(n_done, len(files))
    for error in failures:
        log.info("failed: %s", error)
    log.info(
        "%d of %d recordings predicted, %d seizures found at threshold %.3f, written to %s",
        len(files) - len(failures),
        len(files),
        n_events,
        threshold,
        config.output,
    )
    return 1 if failures else 0


VERB = Verb(
    name="predict",
    schema=PredictConfig,
    summary="Find seizures in an EDF file, or in every one below a folder, with a trained "
    "checkpoint. Writes a csv_bi and a TSV (SzCORE) for each, on request the probabilities (NPZ) "
    "and a picture of them; a file that cannot be read is named.",
    examples=(
        "python -m seizure.predict input=recording.edf checkpoint=runs/first/checkpoints/best.ckpt",
        "python -m seizure.predict input=clinic/ checkpoint=best.safetensors on_threshold=0.5",
        "python -m seizure.predict input=clinic/ checkpoint=best.ckpt track=true picture=true",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
