"""BIDS-EEG trees with seizure annotations, such as those that SzCORE's conversion writes.

Siena, SeizeIT, CHB-MIT and TUSZ are had in this layout. Quirks, each handled where it matters:

- Sessions are optional, and so is `run`; the name up to `_eeg` is the recording.
- The conversion of TUSZ keeps the official splits in a column `split` of `participants.tsv`; the
  others have none. Its CHB-MIT already has chb21 as second session of `sub-01`, and holds
  derivations; the others hold electrodes against their average (`Fp1-Avg`).
- The conversion replaces electrodes that a file lacks by zeros and then subtracts the average, so
  several of them are identical: the cache's `issues` say which.
- SeizeIT2 has derivations behind the ear only (`BTEleft SD`): each file is refused for that.
- Trees managed by git-annex or DataLad hold dangling links until the files are fetched; such a
  recording is left out as missing.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from seizure.corpus.entry import CorpusError, CorpusRecording, edf_stem, files_below, printable
from seizure.corpus.split import SplitPlan, assign_splits
from seizure.eeg.annotation import AnnotationError, Event
from seizure.eeg.annotation_tsv import read_events_tsv
from seizure.eeg.montage import MONTAGES, Montage

_LAYOUT = "sub-<label>/[ses-<label>/]eeg/sub-<label>_[ses-<label>_]task-<label>_[run-<n>_]eeg.edf"
_SUFFIX = re.compile(r"_eeg\.\w")
_SESSION = re.compile(r"ses-[A-Za-z0-9+]+")
_OTHER_FORMATS = (".vhdr", ".set")  # refused when they are read, one by one
_PARTICIPANTS = "participants.tsv"
_SPLIT_COLUMN = "split"
_SPLIT_NAMES = {
    "train": "train", "training": "train", "dev": "dev", "val": "dev", "valid": "dev",
    "validation": "dev", "eval": "eval", "test": "eval",
}  # fmt: skip


@dataclass(frozen=True)
class BidsCorpus:
    """A BIDS tree with `*_eeg.edf` (or `.bdf`) and `*_events.tsv`.

    `split_column` is a column of `participants.tsv` with train, dev or eval; None takes the column
    `split` if there is one, else the patients are shared out by `split`.
    """

    root: Path
    split: SplitPlan = field(default_factory=SplitPlan)
    split_column: str | None = None
    name: str = "bids"

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def montages(self) -> tuple[Montage, ...]:
        """Every montage, as far as is known: the files are asked when they are read."""
        return MONTAGES

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, sorted by name.

        Raises:
            CorpusError: no EEG in a format that is read, or `participants.tsv` does not give the
                split of everybody.
        """
        paths = [path for path in files_below(self.root) if self._is_eeg(path)]
        readable = [path for path in paths if edf_stem(path.name) is not None]
        if not readable:
            others = sorted({path.suffix for path in paths} - {".json", ".tsv"})
            held = f"found EEG only as {', '.join(others)}" if others else "found no EEG"
            raise CorpusError(
                f"{self.root}: {held}, expected {_LAYOUT} (or .bdf, also with .gz); set "
                "corpus.root to the folder that holds sub-*"
            )
        found = sorted(readable + [path for path in paths if path.suffix in _OTHER_FORMATS])
        owners = [printable(path.relative_to(self.root).parts[0]) for path in found]
        splits = self._splits(set(owners))
        return tuple(
            self._entry(path, patient, splits[patient])
            for path, patient in zip(found, owners, strict=True)
        )

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        """The seizures of the events table, with the types of TUSZ that say the same.

        Raises:
            AnnotationError: names the file, the line, what was found and what was expected; the
                same for a recording in the folder of another subject.
        """
        if not recording.stem.startswith(f"{recording.patient}_"):
            raise AnnotationError(
                f"{recording.edf}: found a name that does not begin with the subject of its "
                f"folder, {recording.patient}_, so whose it is cannot be known; move or rename it"
            )
        if recording.annotation is None:
            raise AnnotationError(
                f"{recording.edf}: found no annotation, expected {recording.stem}_events.tsv "
                "beside it"
            )
        return read_events_tsv(recording.annotation)

    def _is_eeg(self, path: Path) -> bool:
        place = path.relative_to(self.root).parts
        in_subject = place[0].startswith("sub-") and place[-2:-1] == ("eeg",)
        return in_subject and len(place) in (3, 4) and _SUFFIX.search(path.name) is not None

    @staticmethod
    def _entry(path: Path, patient: str, split: str) -> CorpusRecording:
        stem = (edf_stem(path.name) or path.stem).removesuffix("_eeg")
        session = _SESSION.search(stem)
        annotation = path.with_name(f"{stem}_events.tsv")
        return CorpusRecording(
            stem=stem,
            patient=patient,
            session=session[0] if session else "",
            split=split,
            edf=path,
            annotation=annotation if annotation.exists() else None,
        )

    def _splits(self, patients: set[str]) -> dict[str, str]:
        table = self.root / _PARTICIPANTS
        rows = _read_table(table) if table.is_file() else []
        column = self.split_column or _SPLIT_COLUMN
        if not rows or column not in rows[0]:
            if self.split_column is not None:
                raise CorpusError(
                    f"{table}: found no column {column!r}, expected it for "
                    f"corpus.split_column={column}; null draws the splits instead"
                )
            return assign_splits(patients, self.split)
        stated = {row["participant_id"]: row[column] for row in rows}
        splits: dict[str, str] = {}
        for patient in sorted(patients):
            value = stated.get(patient)
            split = _SPLIT_NAMES.get((value or "").lower())
            if split is None:
                raise CorpusError(
                    f"{table}: found {column} {value!r} for {patient}, expected one of "
                    f"{', '.join(_SPLIT_NAMES)}"
                )
            splits[patient] = split
        return splits


def _read_table(path: Path) -> list[dict[str, str]]:
    try:
        lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be opened ({error.strerror})") from error
    table = [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()]
    if not table or "participant_id" not in table[0]:
        raise CorpusError(f"{path}: found no column participant_id, expected it as the first")
    for number, cells in enumerate(table[1:], start=2):
        if len(cells) != len(table[0]):
            raise CorpusError(
                f"{path}, line {number}: found {len(cells)} fields, expected {len(table[0])} with "
                "tabs between them"
            )
    return [dict(zip(table[0], cells, strict=True)) for cells in table[1:]]
