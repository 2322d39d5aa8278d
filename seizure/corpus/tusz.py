"""The TUH EEG Seizure Corpus, and every corpus laid out like it."""

import re
from dataclasses import dataclass
from pathlib import Path

from seizure.corpus.entry import SPLITS, CorpusError, CorpusRecording
from seizure.eeg.annotation import AnnotationError, Event, read_csv, read_csv_bi

_LAYOUT = "<split>/<patient>/<session>/<montage>/<recording>.edf"
_TUSZ_STEM = re.compile(r"(?P<patient>[a-z]{8})_(?P<session>s\d{3})_t\d{3}")


@dataclass(frozen=True)
class TuszCorpus:
    """A folder with `edf/{train,dev,eval}/<patient>/<session>/<montage>/<stem>.edf`.

    The folder that holds the splits may itself be the root. Each recording has its `.csv_bi` (when
    there is a seizure) and may have a `.csv` (which type, per channel) beside it.
    """

    root: Path
    name: str = "tusz"

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, sorted by split (train, dev, eval), patient and name.

        Raises:
            CorpusError: no split folder, no EDF file, one name twice in a split, or a file that
                lies in the folder of another patient.
        """
        top = self._folder_of_splits()
        found = [
            self._entry(split, path)
            for split in SPLITS
            for path in sorted((top / split).glob("*/*/*/*.edf"))
        ]
        if not found:
            raise CorpusError(f"{top}: found no EDF file, expected {_LAYOUT}")
        seen: dict[tuple[str, str], Path] = {}
        for recording in found:
            other = seen.setdefault((recording.split, recording.stem), recording.edf)
            if other != recording.edf:
                raise CorpusError(
                    f"found {recording.stem} twice in {recording.split}: {other} and "
                    f"{recording.edf}, expected once; remove one of them"
                )
        return tuple(found)

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        """The seizures of the `.csv_bi`, each with the type that the `.csv` gives most of it.

        The intervals are those that scorers use; a seizure without a typed counterpart is `seiz`.

        Raises:
            AnnotationError: names the file, the line, what was found and what was expected.
        """
        if recording.annotation is None:
            raise AnnotationError(
                f"{recording.edf}: found no annotation, expected "
                f"{recording.edf.with_suffix('.csv_bi').name} beside it"
            )
        events = read_csv_bi(recording.annotation).events
        per_channel = recording.annotation.with_suffix(".csv")
        if not events or not per_channel.exists():
            return events
        typed = read_csv(per_channel)
        return tuple(
            Event(event.start_s, event.stop_s, _type_of(event, typed), event.confidence)
            for event in events
        )

    def _folder_of_splits(self) -> Path:
        for top in (self.root / "edf", self.root):
            if any((top / split).is_dir() for split in SPLITS):
                return top
        raise CorpusError(
            f"{self.root}: found none of the folders {', '.join(SPLITS)} here or in edf/, expected "
            f"{_LAYOUT}; set corpus.root to the folder of the corpus"
        )

    @staticmethod
    def _entry(split: str, path: Path) -> CorpusRecording:
        session, patient = path.parents[1].name, path.parents[2].name
        named = _TUSZ_STEM.fullmatch(path.stem)
        if named is not None and named["patient"] != patient:
            raise CorpusError(
                f"{path}: found a recording of patient {named['patient']} in the folder of "
                f"{patient}, so whose it is cannot be known; move it to its patient"
            )
        annotation = path.with_suffix(".csv_bi")
        return CorpusRecording(
            stem=path.stem,
            patient=patient,
            session=session,
            split=split,
            edf=path,
            annotation=annotation if annotation.exists() else None,
        )


def _type_of(event: Event, typed: tuple[Event, ...]) -> str:
    """The label that shares most time with the event; ties go to the first by name."""
    shared_s: dict[str, float] = {}
    for other in typed:
        shared_s[other.label] = shared_s.get(other.label, 0.0) + event.overlap_s(other)
    best = max(sorted(shared_s), key=lambda label: shared_s[label], default=None)
    return event.label if best is None or shared_s[best] == 0 else best
