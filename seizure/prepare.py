"""Prepare a corpus: read its EDF files, filter them, and keep them where training reads fast."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock

from seizure.cache.build import BuildReport, build_cache, build_part, cache_folder
from seizure.cache.index import CacheIndex
from seizure.cache.origin import claim
from seizure.cache.overview_figure import OVERVIEW_FILE, leave_overview
from seizure.cache.shard import replacing
from seizure.cache.summary import as_json, summarise, table
from seizure.cache.task import REPORT_FILE, lock
from seizure.cache.workers import Part
from seizure.cli.command import Verb, run
from seizure.cli.progress import progress
from seizure.config import (
    BidsCorpus,
    ChbmitCorpus,
    EdfFolderCorpus,
    Prepare,
    PrepareConfig,
    SyntheticCorpus,
    TuszCorpus,
)
from seizure.corpus.bids import BidsCorpus as BidsReader
from seizure.corpus.chbmit import ChbmitCorpus as ChbmitReader
from seizure.corpus.edf_folder import EdfFolderCorpus as EdfFolderReader
from seizure.corpus.entry import Corpus, CorpusError
from seizure.corpus.synthetic.corpus import is_made, make_corpus
from seizure.corpus.tusz import TuszCorpus as TuszReader
from seizure.eeg.filtering import Preprocessing

log = logging.getLogger("seizure")

_NAMED_AT_MOST = 10

CorpusSettings = SyntheticCorpus | TuszCorpus | ChbmitCorpus | BidsCorpus | EdfFolderCorpus


@dataclass(frozen=True)
class PreparedCorpus:
    """A cache that is ready to be read, and what building it found."""

    name: str
    root: Path
    folder: Path
    built: BuildReport
    minutes: float

    @property
    def index(self) -> CacheIndex:
        """What is known of each usable recording."""
        return self.built.index

    @property
    def left_out(self) -> tuple[str, ...]:
        """Each recording that is not in the cache, with the reason."""
        return tuple(f"{failure.stem}: {failure.reason}" for failure in self.built.failures)

    @property
    def interpolated(self) -> tuple[str, ...]:
        """Which electrodes had to be estimated, in how many recordings."""
        return _in_words(self.built.interpolated)

    @property
    def masked(self) -> tuple[str, ...]:
        """Which channels are not there, in how many recordings."""
        return _in_words(self.built.masked)

    @property
    def note(self) -> str:
        """What the EEG is, to stand beside every number made with it."""
        return "synthetic EEG" if self.name == "synthetic" else self.name


def _in_words(counted: Mapping[tuple[str, ...], int]) -> tuple[str, ...]:
    return tuple(f"{', '.join(names)} in {n} recordings" for names, n in counted.items())


def open_corpus(settings: CorpusSettings, jobs: int) -> Corpus:
    """The corpus of a configuration; the synthetic one is made first if it is not there."""
    if isinstance(settings, SyntheticCorpus) and not is_made(settings.root, settings.spec):
        settings.root.parent.mkdir(parents=True, exist_ok=True)
        # Jobs of a sweep may want it at the same time: one makes it, the others find it made.
        making = FileLock(settings.root.with_name(f".{settings.root.name}.lock"))
        with making, progress("making synthetic recordings") as report:
            make_corpus(settings.root, settings.spec, jobs, report)
    return reader_of(settings)


def reader_of(settings: CorpusSettings) -> Corpus:
    """The corpus of a configuration as it is; nothing is made."""
    match settings:
        case SyntheticCorpus():
            return TuszReader(settings.root, name=settings.name)
        case TuszCorpus():
            return TuszReader(settings.root)
        case ChbmitCorpus():
            return ChbmitReader(settings.root, settings.split)
        case BidsCorpus():
            return BidsReader(settings.root, settings.split, settings.split_column)
        case EdfFolderCorpus():
            return EdfFolderReader(
                settings.root,
                settings.patient_pattern,
                settings.split,
                settings.seizure_pattern,
                settings.unannotated,
            )


def prepare_corpus(
    settings: CorpusSettings, preprocessing: Preprocessing, cache: Path, how: Prepare
) -> PreparedCorpus:
    """The cache of a corpus, built where it is missing or out of date, and its splits audited.

    Says what it holds, and what was left out and why. Raises `CorpusError`, `CacheError` or
    `PatientLeak`.
    """
    started_at = time.monotonic()
    # Workers were started in folders of their own, on a cluster or earlier in a notebook.
    settings, cache = replace(settings, root=settings.root.absolute()), cache.absolute()
    corpus = open_corpus(settings, how.jobs)
    folder = _own_folder(settings, preprocessing, cache)
    with progress("checking recordings" if how.verify else "preparing recordings") as report:
        built = build_cache(corpus, folder, preprocessing, how, report, how.verify)
    minutes = (time.monotonic() - started_at) / 60
    prepared = PreparedCorpus(settings.name, settings.root, folder, built, minutes)
    say_what_was_built(prepared)
    built.index.audit()
    log.info("no patient and no recording is in two splits")
    if built.n_built:  # else the cache is only read, maybe from a disk that cannot be written
        say_overview(prepared, preprocessing)
    if how.verify:
        log.info("every checksum of %d recordings was compared", len(built.index))
    return prepared


def cache_of(settings: CorpusSettings, preprocessing: Preprocessing, cache: Path) -> Path:
    """Where the cache of a corpus lies, or will."""
    # There is one TUSZ, but there may be many folders of EDFs or synthetic corpora side by side.
    name = settings.name if isinstance(settings, TuszCorpus) else settings.root.resolve().name
    return cache_folder(cache, name, preprocessing)


def _own_folder(settings: CorpusSettings, preprocessing: Preprocessing, cache: Path) -> Path:
    """The same, once it is certain that there is such a corpus and that no other has its place."""
    if not settings.root.is_dir():
        raise CorpusError(
            f"{settings.root}: no such folder; set corpus.root to the folder of the corpus"
        )
    folder = cache_of(settings, preprocessing, cache)
    claim(folder, settings.root)
    return folder


def split_faults(name: str, index: CacheIndex) -> tuple[str, ...]:
    """Why a cache cannot be trained on: an empty split, or no seizure to learn or choose from.

    Without a seizure in dev the operating point could not be chosen, which shows after training.
    """
    faults = []
    for split in ("train", "dev", "eval"):
        rows = index.rows(split).tolist()
        if not rows:
            faults.append(f"{name}: no usable recording in {split}, expected some")
        elif split != "eval" and not any(len(index.events_of(row)) for row in rows):
            faults.append(
                f"{name}: no annotated seizure in the {len(rows)} recordings of {split}, "
                f"expected at least one; check the annotations"
            )
    return tuple(faults)


def say_what_was_built(prepared: PreparedCorpus) -> None:
    """What the cache holds as a table, and each recording that it does not hold."""
    built = prepared.built
    for line in table(summarise(built)):
        log.info("%s", line)
    log.info(
        "cache %s: %d recordings, %d prepared now, %d as they were, %d left out, in %.1f min",
        prepared.folder,
        len(built.index),
        built.n_built,
        built.n_reused,
        len(built.failures),
        prepared.minutes,
    )
    for line in prepared.interpolated:
        log.info("interpolated %s", line)
    for line in prepared.masked:
        log.info("masked %s", line)
    lost = {failure.path for failure in built.failures}
    for damage in built.damaged:
        fix = "left out, see below" if damage.path in lost else "made again from its source"
        log.info("damaged: %s; %s", damage.reason, fix)
    for line in prepared.left_out:
        log.info("left out: %s", line)
    if built.orphans:
        log.info(
            "%d shards belong to no recording of the corpus any more and are not used; they may be "
            "deleted: %s%s",
            len(built.orphans),
            ", ".join(str(path) for path in built.orphans[:_NAMED_AT_MOST]),
            ", …" if len(built.orphans) > _NAMED_AT_MOST else "",
        )


def say_overview(prepared: PreparedCorpus, preprocessing: Preprocessing) -> None:
    """Where the picture of the cache is, drawn if there is none of this index."""
    title = f"{prepared.folder.parent.name}: {preprocessing.describe()}"
    path = leave_overview(prepared.folder, prepared.index, title, preprocessing.mains_hz)
    log.info("overview %s", path)


def write_report(prepared: PreparedCorpus, config: PrepareConfig) -> Path:
    """The same as a JSON file in the folder of the cache, for programs."""
    path = prepared.folder / REPORT_FILE
    content = {
        "corpus": prepared.name,
        "root": str(prepared.root),
        "cache": str(prepared.folder),
        "preprocess": asdict(config.preprocess),
        **as_json(prepared.built, prepared.minutes),
    }
    with lock(prepared.folder, "index"), replacing(path) as file:
        # A name that is no UTF-8 becomes the escape that JSON has for it.
        text = json.dumps(content, indent=1, ensure_ascii=False)
        file.write(text.encode("utf-8", "backslashreplace") + b"\n")
    return path


def prepare_part(config: PrepareConfig, part: Part) -> int:
    """Prepare one machine's share of a corpus; 1 if recordings were left out.

    The index comes with the same command without `part`, once all parts are there.
    """
    settings = replace(config.corpus, root=config.corpus.root.absolute())
    folder = _own_folder(settings, config.preprocess, config.paths.cache.absolute())
    with progress(f"preparing part {part.number} of {part.n}") as report:
        built = build_part(
            reader_of(settings), folder, config.preprocess, part, config.prepare, report
        )
    log.info(
        "part %d of %d in %s: %d recordings prepared now, %d as they were, %d left out; the index "
        "is written by the same command without part=",
        part.number,
        part.n,
        folder,
        built.n_built,
        built.n_reused,
        len(built.failures),
    )
    for failure in built.failures:
        log.info("left out: %s: %s", failure.stem, failure.reason)
    return 1 if built.failures else 0


def main(config: PrepareConfig) -> int:
    """Prepare the corpus of a configuration; 1 if recordings were left out or found damaged."""
    if config.part is not None:
        return prepare_part(config, Part.read(config.part))
    prepared = prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    if not prepared.built.n_built:
        say_overview(prepared, config.preprocess)
    log.info("report %s", write_report(prepared, config))
    return 1 if prepared.built.failures or prepared.built.damaged else 0


VERB = Verb(
    name="prepare",
    schema=PrepareConfig,
    summary="Read a corpus of EDF files, filter it and keep it where training reads it fast. "
    "Only what is new or changed is done. What the cache holds is printed, and written into it "
    f"as {REPORT_FILE} and, drawn, as {OVERVIEW_FILE}; recordings that cannot be used are listed "
    "with the reason. Ends with 0 if every recording is there, 1 if some were left out or found "
    "damaged, 2 if it stopped.",
    examples=(
        "python -m seizure.prepare",
        "python -m seizure.prepare corpus=tusz corpus.root=/data/tusz prepare.jobs=16",
        "python -m seizure.prepare corpus=tusz corpus.root=/data/tusz part=3/8",
        "python -m seizure.prepare corpus=tusz corpus.root=/data/tusz prepare.verify=true",
        "python -m seizure.prepare corpus=tusz corpus.root=/data/tusz prepare.backend=dask "
        "prepare.scheduler=tcp://10.0.0.1:8786",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
