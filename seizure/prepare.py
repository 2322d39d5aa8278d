"""Prepare a corpus: read its EDF files, filter them, and keep them where training reads fast."""

import logging
from dataclasses import dataclass
from pathlib import Path

from seizure.cache.build import BuildReport, build_cache, cache_folder
from seizure.cache.index import CacheIndex
from seizure.command import Verb, run
from seizure.config import (
    BidsCorpus,
    ChbmitCorpus,
    EdfFolderCorpus,
    PrepareConfig,
    SyntheticCorpus,
    TuszCorpus,
)
from seizure.corpus.bids import BidsCorpus as BidsReader
from seizure.corpus.chbmit import ChbmitCorpus as ChbmitReader
from seizure.corpus.edf_folder import EdfFolderCorpus as EdfFolderReader
from seizure.corpus.entry import Corpus
from seizure.corpus.synthetic.corpus import make_corpus
from seizure.corpus.tusz import TuszCorpus as TuszReader
from seizure.eeg.filtering import Preprocessing
from seizure.progress import progress

log = logging.getLogger("seizure")

CorpusSettings = SyntheticCorpus | TuszCorpus | ChbmitCorpus | BidsCorpus | EdfFolderCorpus


@dataclass(frozen=True)
class PreparedCorpus:
    """A cache that is ready to be read."""

    name: str
    folder: Path
    index: CacheIndex
    left_out: tuple[str, ...]
    interpolated: tuple[str, ...]

    @property
    def note(self) -> str:
        """What the EEG is, to stand beside every number made with it."""
        return "synthetic EEG" if self.name == "synthetic" else self.name


def open_corpus(settings: CorpusSettings, jobs: int) -> Corpus:
    """The corpus of a configuration; the synthetic one is made first if it is not there."""
    match settings:
        case SyntheticCorpus():
            with progress("making synthetic recordings") as report:
                make_corpus(settings.root, settings.spec, jobs, report)
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
    settings: CorpusSettings,
    preprocessing: Preprocessing,
    cache: Path,
    jobs: int,
) -> PreparedCorpus:
    """The cache of a corpus, built where it is missing or out of date, and its splits audited.

    Says what was left out and why. Raises `CorpusError`, `CacheError` or `PatientLeak`.
    """
    corpus = open_corpus(settings, jobs)
    # There is one TUSZ, but there may be many folders of EDFs or synthetic corpora side by side.
    name = settings.name if isinstance(settings, TuszCorpus) else settings.root.resolve().name
    folder = cache_folder(cache, name, preprocessing)
    with progress("preparing recordings") as report:
        built = build_cache(corpus, folder, preprocessing, jobs, report)
    say_what_was_built(built, folder)
    for line in str(built.index.audit()).splitlines():
        log.info("%s", line)
    return PreparedCorpus(
        settings.name,
        folder,
        built.index,
        left_out=tuple(f"{failure.stem}: {failure.reason}" for failure in built.failures),
        interpolated=tuple(
            f"{', '.join(names)} in {count} recordings"
            for names, count in built.interpolated.items()
        ),
    )


def say_what_was_built(built: BuildReport, folder: Path) -> None:
    """What the cache holds, and a table of what was left out."""
    log.info(
        "cache %s: %d recordings, %d prepared now, %d as they were, %d left out",
        folder,
        len(built.index),
        built.n_built,
        built.n_reused,
        len(built.failures),
    )
    for names, count in built.interpolated.items():
        log.info("interpolated %s in %d recordings", ", ".join(names), count)
    for failure in built.failures:
        log.info("left out: %s: %s", failure.stem, failure.reason)


def main(config: PrepareConfig) -> int:
    """Prepare the corpus of a configuration; 1 if some recordings had to be left out."""
    prepared = prepare_corpus(
        config.corpus, config.preprocess, config.paths.cache, config.prepare.jobs
    )
    return 1 if prepared.left_out else 0


VERB = Verb(
    name="prepare",
    schema=PrepareConfig,
    summary="Read a corpus of EDF files, filter it and keep it where training reads it fast. "
    "Only what is new or changed is done; recordings that cannot be read are listed.",
    examples=(
        "python -m seizure.prepare",
        "python -m seizure.prepare corpus=tusz corpus.root=/data/tusz prepare.jobs=16",
    ),
    main=main,
)

if __name__ == "__main__":
    run(VERB)
