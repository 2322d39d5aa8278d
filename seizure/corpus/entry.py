"""What a corpus is to every later stage: a list of recordings, and the seizures of each."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seizure.eeg.annotation import Event
from seizure.eeg.montage import Montage

SPLITS = ("train", "dev", "eval")
EDF_SUFFIXES = (".edf", ".edf.gz", ".bdf", ".bdf.gz")


class CorpusError(ValueError):
    """A corpus that is not laid out as expected, or that contradicts itself."""


@dataclass(frozen=True, slots=True)
class CorpusRecording:
    """One EDF file of a corpus; `annotation` is None where nobody has annotated it.

    `key` stands for whatever decides its events beside the content of `annotation`, such as a
    setting of the corpus: another key, and the recording is prepared again.
    """

    stem: str
    patient: str
    session: str
    split: str
    edf: Path
    annotation: Path | None
    key: str = ""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise CorpusError(
                f"{self.stem}: split is {self.split!r}, expected one of {', '.join(SPLITS)}"
            )
        for name in ("stem", "patient", "session"):
            object.__setattr__(self, name, printable(getattr(self, name)))


def printable(name: str) -> str:
    r"""A name from the disk as text that can be written anywhere.

    Bytes that are not UTF-8, as old systems left them in file names, are spelt out.

    >>> printable(os.fsdecode(b"Andr\xe9")), printable("André")
    ('Andr\\xe9', 'André')
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def files_below(root: Path) -> list[Path]:
    """Every file below a folder, sorted; what is hidden is left, links to folders are followed.

    Where there is no such folder, there are none.

    Raises:
        CorpusError: a folder cannot be opened, so nobody would know what is missing.
    """

    def refuse(error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return
        raise CorpusError(
            f"{error.filename}: cannot be opened ({error.strerror}), so the recordings in it would "
            f"be missing unnoticed; grant access to it, or move it out of {root}"
        ) from error

    found: list[Path] = []
    seen: set[str] = set()
    for folder, below, names in os.walk(root, onerror=refuse, followlinks=True):
        place = os.path.realpath(folder)
        below[:] = [] if place in seen else [name for name in below if not name.startswith(".")]
        if place not in seen:
            found += [Path(folder, name) for name in names if not name.startswith(".")]
        seen.add(place)
    return sorted(found)


def edf_stem(name: str) -> str | None:
    """The name of an EDF or BDF file without its suffix, None for any other file.

    >>> edf_stem("Night 1.EDF.gz"), edf_stem("notes.txt")
    ('Night 1', None)
    """
    for suffix in EDF_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return None


class Corpus(Protocol):
    """A named collection of annotated recordings; must pickle, as workers read events."""

    @property
    def name(self) -> str:
        """Short name, used in the path of the cache."""
        ...

    @property
    def root(self) -> Path:
        """The folder that holds the corpus."""
        ...

    @property
    def montages(self) -> tuple[Montage, ...]:
        """The montages that its recordings can give, as far as is known without reading them."""
        ...

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, in an order that does not depend on the file system."""
        ...

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        """The annotated seizures of one recording; an unannotated recording raises."""
        ...
