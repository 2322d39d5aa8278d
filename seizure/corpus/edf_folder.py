"""A folder of EDF files in any order, with or without annotations.

For recordings of one's own. Annotations may lie beside a file as `<name>.csv_bi` (with a typed
`<name>.csv`), `<name>_events.tsv` or `<name>.tsv`, or inside it as EDF+ annotations; where two of
them are there, nobody can know which one counts, and the recording is left out.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seizure.corpus.entry import CorpusError, CorpusRecording, edf_stem, files_below, printable
from seizure.corpus.split import SplitPlan, assign_splits
from seizure.corpus.tusz import typed_events
from seizure.eeg.annotation import AnnotationError, Event
from seizure.eeg.annotation_tsv import read_events_tsv
from seizure.eeg.edf_annotations import read_annotations
from seizure.eeg.montage import MONTAGES, Montage

_LONGEST_BYTES = 200

Unannotated = Literal["refuse", "background"]


@dataclass(frozen=True)
class EdfFolderCorpus:
    r"""Every EDF or BDF file below a folder.

    `patient_pattern` is searched in a file's path below the root, like `ward/AB12_night.edf`; its
    group `patient`, else its first group, else all of it, is the patient, and a group `session` the
    session. `seizure_pattern` tells which EDF+ annotations are seizures (None: they are not
    looked at). A recording without any annotation is left out, or taken for one without seizures
    with `unannotated="background"`, unless it has EDF+ annotations that speak of seizures.

    >>> EdfFolderCorpus(Path("."), patient_pattern=r"(\w\w\d\d)_").patient_of("ward/AB12_night.edf")
    ('AB12', '')
    """

    root: Path
    patient_pattern: str
    split: SplitPlan = field(default_factory=SplitPlan)
    seizure_pattern: str | None = None
    unannotated: Unannotated = "refuse"
    name: str = "edf_folder"

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))
        for key in ("patient_pattern", "seizure_pattern"):
            pattern = getattr(self, key)
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise CorpusError(
                    f"corpus.{key}: found {pattern!r}, expected a regular expression ({error})"
                ) from error

    @property
    def montages(self) -> tuple[Montage, ...]:
        """Every montage, as far as is known: the files are asked when they are read."""
        return MONTAGES

    def recordings(self) -> tuple[CorpusRecording, ...]:
        """Every recording, sorted by path; its name is the path with `__` between the folders.

        Raises:
            CorpusError: no EDF file, a file without a patient, or two files of one name.
        """
        paths = [path for path in files_below(self.root) if edf_stem(path.name)]
        if not paths:
            raise CorpusError(
                f"{self.root}: found no EDF file here or below, expected names that end in .edf, "
                ".bdf, .edf.gz or .bdf.gz; set corpus.root"
            )
        below = [printable(path.relative_to(self.root).as_posix()) for path in paths]
        owners = [self.patient_of(place) for place in below]
        try:
            splits = assign_splits((patient for patient, _ in owners), self.split)
        except CorpusError as error:
            raise CorpusError(
                f"{error}; corpus.patient_pattern={self.patient_pattern!r} tells them apart"
            ) from error
        seen: dict[str, str] = {}
        entries = []
        for path, place, (patient, session) in zip(paths, below, owners, strict=True):
            stem = _shortened((edf_stem(place) or place).replace("/", "__"))
            if seen.setdefault(stem, place) != place:
                raise CorpusError(
                    f"{self.root}: found {seen[stem]} and {place}, which both are called {stem}, "
                    "expected one; rename one of them"
                )
            entries.append(self._entry(path, stem, patient, session, splits[patient]))
        return tuple(entries)

    def patient_of(self, place: str) -> tuple[str, str]:
        """Patient and session of a file by its path below the root.

        Raises:
            CorpusError: the pattern is not in the path.
        """
        match = re.search(self.patient_pattern, place)
        if match is None:
            raise CorpusError(
                f"{self.root}: found no {self.patient_pattern!r} in {place}, expected to tell the "
                "patient by it; set corpus.patient_pattern to a regular expression with the "
                "patient as its group"
            )
        groups = match.groupdict()
        patient = groups.get("patient") or (match[1] if match.re.groups else match[0])
        if not patient:
            raise CorpusError(
                f"{self.root}: corpus.patient_pattern={self.patient_pattern!r} gives no name for "
                f"the patient of {place}"
            )
        return patient, groups.get("session") or ""

    def events(self, recording: CorpusRecording) -> tuple[Event, ...]:
        """The seizures of whatever annotates the recording.

        Raises:
            AnnotationError: names the file, what was found and what was expected.
        """
        events = events_beside(recording.edf)
        if events is not None:
            return events
        if self.seizure_pattern is not None:
            found = read_annotations(recording.edf)
            if found:
                return tuple(sorted(self._inside(recording.edf, found)))
        if self.unannotated == "background":
            self._refuse_unread_seizures(recording.edf)
            return ()
        raise AnnotationError(
            f"{recording.edf}: found no annotation, expected {recording.edf.stem}.csv_bi or "
            f"{recording.edf.stem}_events.tsv beside it, or EDF+ annotations and "
            "corpus.seizure_pattern; corpus.unannotated=background takes it for one without "
            "seizures"
        )

    def _refuse_unread_seizures(self, edf: Path) -> None:
        """Nobody has to have looked at the remarks, but a seizure among them is no background."""
        found = () if self.seizure_pattern is not None else read_annotations(edf)
        seizures = [remark for remark in found if "seiz" in remark.text.lower()]
        if seizures:
            raise AnnotationError(
                f"{edf}: found the annotation {seizures[0].text!r} at {seizures[0].onset_s:g} s, "
                "expected none of seizures with corpus.unannotated=background; set "
                "corpus.seizure_pattern to tell which annotations are seizures"
            )

    def _inside(self, edf: Path, found: tuple) -> list[Event]:
        events = []
        for remark in found:
            if not re.search(self.seizure_pattern or "", remark.text):
                continue
            if not remark.duration_s or remark.onset_s < 0:
                raise AnnotationError(
                    f"{edf}: found the annotation {remark.text!r} at {remark.onset_s:g} s with the "
                    f"duration {remark.duration_s}, expected a seizure within the recording with "
                    "a duration; write the seizures to a csv_bi beside the file"
                )
            events.append(Event(remark.onset_s, remark.onset_s + remark.duration_s))
        return events

    def _entry(
        self, path: Path, stem: str, patient: str, session: str, split: str
    ) -> CorpusRecording:
        beside = _beside(path)
        return CorpusRecording(
            stem=stem,
            patient=patient,
            session=session,
            split=split,
            edf=path,
            annotation=beside[0] if beside else None,
            key=repr((self.seizure_pattern, self.unannotated, [other.name for other in beside])),
        )


def _shortened(stem: str) -> str:
    """A name that still fits a file system once the cache has added to it."""
    if len(stem.encode()) <= _LONGEST_BYTES:
        return stem
    return f"{stem[:40]}__{hashlib.sha256(stem.encode()).hexdigest()[:16]}"


def events_beside(edf: Path) -> tuple[Event, ...] | None:
    """The seizures of the annotation file that goes with an EDF file; None where there is none.

    Raises:
        AnnotationError: names the file, what was found and what was expected.
    """
    beside = _beside(edf)
    if len(beside) > 1:
        names = " and ".join(path.name for path in beside)
        raise AnnotationError(
            f"{edf}: found {names}, expected one annotation; remove what does not count"
        )
    if not beside:
        return None
    return typed_events(beside[0]) if beside[0].suffix == ".csv_bi" else read_events_tsv(beside[0])


def _beside(edf: Path) -> list[Path]:
    """The annotation files that go with an EDF file, by name."""
    stem = edf_stem(edf.name) or edf.stem
    names = (
        f"{stem}.csv_bi", f"{stem}.tsv", f"{stem}_events.tsv",
        f"{stem.removesuffix('_eeg')}_events.tsv",
    )  # fmt: skip
    return [edf.with_name(name) for name in dict.fromkeys(names) if edf.with_name(name).is_file()]
