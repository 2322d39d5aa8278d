"""Find seizures in EDF files: events as csv_bi and TSV, one of each a recording."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from seizure import build
from seizure.cache.prepare import prepare_recording
from seizure.command import Verb, run
from seizure.config import PredictConfig, TrainConfig
from seizure.corpus.entry import CorpusRecording, edf_stem, files_below, printable
from seizure.eeg.filtering import MAX_INTERPOLATED
from seizure.eeg.recording import UnreadableRecording
from seizure.events.decide import Postprocessing, decide
from seizure.events.export import UNKNOWN_START, write_csv_bi, write_tsv
from seizure.learning.inference import reader_of_some, track_of, without_estimates
from seizure.learning.module import DetectionModule
from seizure.progress import progress
from seizure.schema import ConfigError

log = logging.getLogger("seizure")


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


def settings_for(
    checkpoint: Path, trained: TrainConfig, on_threshold: float | None
) -> Postprocessing:
    """The post-processing at the threshold asked for, or at the kept operating point.

    Raises `ConfigError` if there is neither, or the threshold is no probability.
    """
    if on_threshold is not None:
        if not 0 < on_threshold <= 1:
            raise ConfigError(f"on_threshold: a probability in (0, 1], found {on_threshold}")
        return replace(trained.events, on_threshold=on_threshold)
    kept = build.kept_choice(checkpoint)
    if kept is None:
        beside = build.operating_point_of(checkpoint)
        raise ConfigError(
            f"no operating point in or beside the checkpoint ({beside} is missing); give "
            f"on_threshold=…, or run python -m seizure.evaluate, which chooses one on dev"
        )
    return kept.settings


def predict_file(
    found: Found,
    module: DetectionModule,
    trained: TrainConfig,
    settings: Postprocessing,
    output: Path,
    batch_size: int,
    masked: bool = False,
) -> int:
    """Write the events of one EDF file; returns how many. Raises `UnreadableRecording`.

    With `masked` an electrode that is not there takes no part, whatever training did about such.
    What was odd, estimated or left out is said: nobody else would.
    """
    stem = found.name.name
    unannotated = CorpusRecording(stem, stem, "", "eval", found.edf, annotation=None)
    preprocess = trained.preprocess
    if masked:
        # Places for all electrodes, those to be left out included.
        preprocess = replace(preprocess, missing="interpolate", max_interpolated=MAX_INTERPOLATED)
    prepared = prepare_recording(unannotated, (), preprocess)
    estimated = prepared.meta["interpolated"]
    odd = [f"{'masked' if masked else 'interpolated'}: {', '.join(estimated)}"] if estimated else []
    if masked and estimated:
        module, prepared = without_estimates(module, prepared)
    track = track_of(module, prepared, trained.windows, stem, batch_size)
    events = decide(track, settings)
    for issue in (*prepared.meta["issues"], *odd):
        log.info("%s: %s", found.edf, issue)
    target = output / found.name
    target.parent.mkdir(parents=True, exist_ok=True)
    write_csv_bi(target.with_name(f"{target.name}.csv_bi"), events, track.duration_s)
    write_tsv(
        target.with_name(f"{target.name}.tsv"),
        events,
        track.duration_s,
        prepared.start or UNKNOWN_START,
    )
    return len(events)


def main(config: PredictConfig) -> int:
    """Predict every file; 1 if some could not be read."""
    build.check_accelerator(config.accelerator)
    files = list(edf_files(config.input))
    module, trained = build.module_from(config.checkpoint)
    if config.missing == "masked":
        reader_of_some(module.network)
    on_cuda = config.accelerator != "cpu" and torch.cuda.is_available()
    module = module.to("cuda" if on_cuda else "cpu")
    settings = settings_for(config.checkpoint, trained, config.on_threshold)
    failures: list[UnreadableRecording] = []
    n_events = 0
    with progress("predicting") as report:
        for n_done, found in enumerate(files, 1):
            try:
                n_events += predict_file(
                    found,
                    module,
                    trained,
                    settings,
                    config.output,
                    config.batch_size,
                    masked=config.missing == "masked",
                )
            except UnreadableRecording as error:
                failures.append(error)
            report(n_done, len(files))
    for error in failures:
        log.info("failed: %s", error)
    log.info(
        "%d of %d recordings predicted, %d seizures found at threshold %.3f, written to %s",
        len(files) - len(failures),
        len(files),
        n_events,
        settings.on_threshold,
        config.output,
    )
    return 1 if failures else 0


VERB = Verb(
    name="predict",
    schema=PredictConfig,
    summary="Find seizures in an EDF file, or in every one below a folder, with a trained "
    "checkpoint. Writes a csv_bi and a TSV (SzCORE) for each; a file that cannot be read is named.",
    examples=(
        "python -m seizure.predict input=recording.edf checkpoint=runs/first/checkpoints/best.ckpt",
        "python -m seizure.predict input=clinic/ checkpoint=best.safetensors on_threshold=0.5",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
