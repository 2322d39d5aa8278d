"""What a corpus is to every later stage: a list of recordings, and the seizures of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seizure.eeg.annotation import Event

SPLITS = ("train", "dev", "eval")


class CorpusError(ValueError):
    """A corpus that is not laid out as expected, or that contradicts itself."""


@dataclass(frozen=True, slots=True)
class CorpusRecording:
    """One EDF file of a corpus; `annotation` is None where nobody has annotated it."""

    stem: str
    patient: str
    session: str
    split: str
    edf: Path
    annotation: Path | None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise CorpusError(
                f"{self.stem}: split is {self.split!r}, expected one of {', '.join(SPLITS)}"
            )


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

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, in an order that does not depend on the file system."""
        ...

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        """The annotated seizures of one recording; an unannotated recording raises."""
        ...
