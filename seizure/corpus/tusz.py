"""The TUH EEG Seizure Corpus, and every corpus laid out like it.

Quirks of v2.0.3, each handled where it matters:

- The splits are official and disjoint in patients; their names are kept.
- One folder a montage (`01_tcp_ar`, `02_tcp_le`, `03_tcp_ar_a`, `04_tcp_le_a`), which says only how
  the annotators looked: the EDF files hold electrodes, against the average of all (`-REF`) or
  linked ears (`-LE`), so all are read alike. `_a` files lack A1 and A2, which nobody needs.
- Rates of 250, 256, 400, 512 and 1000 Hz; labels like `EEG FP1-REF` between `EEG EKG1-REF`,
  `IBI`, `BURSTS`, `SUPPR` and `PHOTIC-REF` at other rates.
- `.csv_bi` (one row a seizure) is what scorers use; `.csv` has the type, per derivation, and its
  times differ a little. Sessions are dates or numbers: `s001_2013`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from seizure.corpus.entry import SPLITS, CorpusError, CorpusRecording, files_below
from seizure.eeg.annotation import AnnotationError, Event, read_csv, read_csv_bi
from seizure.eeg.montage import MONTAGES, Montage

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

    @property
    def montages(self) -> tuple[Montage, ...]:
        """Every montage: the files hold electrodes."""
        return MONTAGES

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, sorted by split (train, dev, eval), patient and name.

        Raises:
            CorpusError: no split folder, no EDF file, one at another depth, or one name twice in a
                split.
        """
        top = self._folder_of_splits()
        # An annotation without its EDF is a recording too: one that is left out as missing.
        found = [
            self._entry(top, path)
            for split in SPLITS
            for path in sorted(
                {
                    file.with_suffix(".edf")
                    for file in files_below(top / split)
                    if file.suffix in (".edf", ".csv_bi")
                }
            )
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
            AnnotationError: names the file, the line, what was found and what was expected; the
                same for a recording in the folder of another patient.
        """
        named = _TUSZ_STEM.fullmatch(recording.stem)
        if named is not None and named["patient"] != recording.patient:
            raise AnnotationError(
                f"{recording.edf}: found a recording of patient {named['patient']} in the folder "
                f"of {recording.patient}, so whose it is cannot be known; move it to its patient"
            )
        if recording.annotation is None:
            raise AnnotationError(
                f"{recording.edf}: found no annotation, expected "
                f"{recording.edf.with_suffix('.csv_bi').name} beside it"
            )
        return typed_events(recording.annotation)

    def _folder_of_splits(self) -> Path:
        for top in (self.root / "edf", self.root):
            try:
                if any((top / split).is_dir() for split in SPLITS):
                    return top
            except OSError as error:
                raise CorpusError(f"{top}: cannot be opened ({error.strerror})") from error
        raise CorpusError(
            f"{self.root}: found none of the folders {', '.join(SPLITS)} here or in edf/, expected "
            f"{_LAYOUT}; set corpus.root to the folder of the corpus"
        )

    @staticmethod
    def _entry(top: Path, path: Path) -> CorpusRecording:
        place = path.relative_to(top).parts
        if len(place) != 5:
            raise CorpusError(
                f"{path}: found {'/'.join(place)} in {top}, expected {_LAYOUT}, as the folders "
                "tell the patient; move it into its place"
            )
        split, patient, session = place[:3]
        annotation = path.with_suffix(".csv_bi")
        return CorpusRecording(
            stem=path.stem,
            patient=patient,
            session=session,
            split=split,
            edf=path,
            annotation=annotation if annotation.exists() else None,
        )


def typed_events(csv_bi: Path) -> tuple[Event, ...]:
    """The seizures of a `.csv_bi`, with the types of the `.csv` beside it if there is one."""
    events = read_csv_bi(csv_bi).events
    per_channel = csv_bi.with_suffix(".csv")
    if not events or not per_channel.exists():
        return events
    typed = read_csv(per_channel)
    return tuple(
        Event(event.start_s, event.stop_s, _type_of(event, typed), event.confidence)
        for event in events
    )


def _type_of(event: Event, typed: tuple[Event, ...]) -> str:
    """The label that shares most time with the event; ties go to the first by name."""
    shared_s: dict[str, float] = {}
    for other in typed:
        shared_s[other.label] = shared_s.get(other.label, 0.0) + event.overlap_s(other)
    best = max(sorted(shared_s), key=lambda label: shared_s[label], default=None)
    return event.label if best is None or shared_s[best] == 0 else best
