"""CHB-MIT: scalp EEG of 23 children, PhysioNet, version 1.0.0.

Quirks, each handled where it matters:

- `chb21` is the child of `chb01` a year and a half later: one patient. `chb17` is in three parts,
  `chb17a_03.edf` to `chb17c_13.edf`; one file is called `chb02_16+.edf`.
- The channels are 18 derivations of the double banana and some more, `T8-P8` twice, dummies called
  `-`; they change within a folder. `chb12_27` to `_29` hold electrodes, two of them with a `01`
  that nobody can know to be O1.
- `chbNN-summary.txt` says "Seizure Start Time: 2996 seconds" or "Seizure 1 Start Time:"; an end may
  carry the number of another seizure (`chb09_08`), so the order of the lines counts. Clock times
  pass 24 h and are not used. Not every file is named in it (`chb24`); `RECORDS-WITH-SEIZURES` or a
  binary `.edf.seizures` settle those.
- Where the summary and `.seizures` disagree (`chb24_21`), nobody knows who is right: the recording
  is left out with that reason until one of the two is removed.

Source: Shoeb 2009, thesis, MIT; https://physionet.org/content/chbmit/1.0.0/
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from seizure.corpus.entry import CorpusError, CorpusRecording, files_below
from seizure.corpus.split import SplitPlan, assign_splits
from seizure.eeg.annotation import AnnotationError, Event
from seizure.eeg.annotation_wfdb import read_wfdb_seizures
from seizure.eeg.montage import Montage

_LAYOUT = "chbNN/chbNN_*.edf with chbNN/chbNN-summary.txt"
_FOLDER = re.compile(r"chb\d{2}")
_SAME_PATIENT = {"chb21": "chb01"}
_WITH_SEIZURES = "RECORDS-WITH-SEIZURES"

_FILE_LINE = re.compile(r"File Name:\s*(?P<file>\S+)")
_COUNT_LINE = re.compile(r"Number of Seizures in File:\s*(?P<count>\d+)")
_TIME_LINE = re.compile(
    r"Seizure\s*\d*\s*(?P<edge>Start|End)\s*Time:\s*(?P<seconds>\d+(?:\.\d+)?)\s*sec\w*", re.I
)
_AGREEMENT_S = 1.0


@dataclass(frozen=True)
class ChbmitCorpus:
    """A folder with `chb01/` to `chb24/`, each with its EDF files and its summary.

    It has no official splits; `split` says how the children are shared out.
    """

    root: Path
    split: SplitPlan = field(default_factory=SplitPlan)
    name: str = "chbmit"

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def montages(self) -> tuple[Montage, ...]:
        """Bipolar only: electrodes cannot be had from their differences."""
        return ("bipolar",)

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, sorted by name.

        Raises:
            CorpusError: no EDF file in a folder `chbNN`, or a split that names unknown patients.
        """
        paths = [
            path
            for path in files_below(self.root)
            if path.suffix.lower() == ".edf"
            and _FOLDER.fullmatch(path.parent.name)
            and path.parents[1] == self.root
        ]
        if not paths:
            raise CorpusError(
                f"{self.root}: found no EDF file in a folder chbNN, expected {_LAYOUT}; set "
                "corpus.root to the folder that holds chb01"
            )
        names = {path: _patient(path.parent.name) for path in paths}
        splits = assign_splits(names.values(), self.split)
        return tuple(self._entry(path, names[path], splits[names[path]]) for path in paths)

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        """The seizures, all of type `seiz`: the corpus has no types.

        Raises:
            AnnotationError: names the file, what was found and what was expected.
        """
        summary = _summary_of(recording.edf)
        stated = read_summary(summary).get(recording.edf.name) if summary.is_file() else None
        binary_path = _binary_of(recording.edf)
        binary = read_wfdb_seizures(binary_path) if binary_path.is_file() else None
        if stated is not None and binary is not None:
            _check_agreement(recording.edf, stated, binary)
        for events in (stated, binary):
            if events is not None:
                return events
        if self._is_listed_without_seizures(recording.edf):
            return ()
        raise AnnotationError(
            f"{recording.edf}: found no annotation, expected an entry in {summary.name}, or "
            f"{binary_path.name} beside it, or {_WITH_SEIZURES} in {self.root}"
        )

    def _entry(self, path: Path, patient: str, split: str) -> CorpusRecording:
        summary, binary = _summary_of(path), _binary_of(path)
        digest = hashlib.sha256(_content(binary))
        digest.update(str(self._is_listed_without_seizures(path)).encode())
        return CorpusRecording(
            stem=path.stem,
            patient=patient,
            session=path.parent.name,
            split=split,
            edf=path,
            annotation=summary if summary.is_file() else None,
            key=digest.hexdigest()[:16],
        )

    def _is_listed_without_seizures(self, path: Path) -> bool:
        listing = _content(self.root / _WITH_SEIZURES).decode("latin-1").split()
        return bool(listing) and f"{path.parent.name}/{path.name}" not in listing


def read_summary(path: Path) -> dict[str, tuple[Event, ...]]:
    """The seizures of each EDF file that a `chbNN-summary.txt` names.

    Raises:
        AnnotationError: names the line that contradicts the number of seizures or the order.
    """
    files: dict[str, tuple[Event, ...]] = {}
    name: str | None = None
    n_stated: int | None = None
    edges: list[float] = []

    def finish(number: int) -> None:
        if name is None:
            return
        if n_stated is None or len(edges) != 2 * n_stated:
            raise AnnotationError(
                f"{path}, line {number}: found {len(edges) / 2:g} seizures of {name}, expected the "
                f"stated {n_stated}"
            )
        try:
            events = tuple(Event(*pair) for pair in zip(edges[::2], edges[1::2], strict=True))
        except ValueError as error:
            raise AnnotationError(f"{path}, before line {number}: {error}") from error
        if files.setdefault(name, events) != events:
            raise AnnotationError(f"{path}, line {number}: found {name} twice, differently")

    lines = path.read_text("latin-1").splitlines()
    for number, line in enumerate(lines, start=1):
        if match := _FILE_LINE.search(line):
            finish(number)
            name, n_stated, edges = match["file"], None, []
        elif match := _COUNT_LINE.search(line):
            n_stated = int(match["count"])
        elif match := _TIME_LINE.search(line):
            if (match["edge"].lower() == "start") != (len(edges) % 2 == 0):
                raise AnnotationError(
                    f"{path}, line {number}: found {line.strip()!r}, expected starts and ends in "
                    "turn"
                )
            edges.append(float(match["seconds"]))
    finish(len(lines) + 1)
    return files


def _content(path: Path) -> bytes:
    """What a file holds; nothing where it is absent or closed to us, which `events` then says."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _patient(folder: str) -> str:
    return _SAME_PATIENT.get(folder, folder)


def _summary_of(edf: Path) -> Path:
    return edf.with_name(f"{edf.parent.name}-summary.txt")


def _binary_of(edf: Path) -> Path:
    return edf.with_name(f"{edf.name}.seizures")


def _check_agreement(edf: Path, stated: tuple[Event, ...], binary: tuple[Event, ...]) -> None:
    def alike(one: Event, other: Event) -> bool:
        return (
            abs(one.start_s - other.start_s) <= _AGREEMENT_S
            and abs(one.stop_s - other.stop_s) <= _AGREEMENT_S
        )

    if len(stated) == len(binary) and all(map(alike, stated, binary)):
        return

    def in_words(events: tuple[Event, ...]) -> str:
        return ", ".join(f"{event.start_s:g}-{event.stop_s:g} s" for event in events) or "none"

    raise AnnotationError(
        f"{edf}: the summary says {in_words(stated)}, {edf.name}.seizures says {in_words(binary)}; "
        "nobody can know which is right: correct one of the two"
    )
