"""Two folders of annotation files as pairs to score, file by file; what cannot be paired is named.

A file that is missing or cannot be read is never taken for a recording without seizures.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seizure.eeg.annotation import Event, read_csv_bi
from seizure.eeg.annotation_tsv import read_events_table
from seizure.scoring.case import Pair, matched_pair
from seizure.scoring.szcore import check_length

Missing = Literal["error", "silent"]

_CSV_BI, _TSV = ".csv_bi", ".tsv"
# Tables of BIDS that hold no events; anything else that ends in .tsv is taken for one that does.
_OTHER_TABLES = ("participants", "_channels", "_electrodes", "_scans", "_sessions")


class FolderError(ValueError):
    """A folder of annotations that cannot be scored."""


@dataclass(frozen=True)
class Paired:
    """The pairs that can be scored, sorted by stem, and why the other stems cannot."""

    pairs: tuple[Pair, ...]
    failures: dict[str, str]


def pair_folders(
    reference: Path,
    hypothesis: Path,
    missing: Missing = "error",
    patient_pattern: str = "^[^_]+",
) -> Paired:
    """Pairs by stem of the csv_bi and events tables below two folders.

    Where a stem has no hypothesis, that is a failure, or with `missing="silent"` a hypothesis
    without events. The patient is the first group (else all) of `patient_pattern` in the stem, or
    the stem where it is not found. Raises `FolderError` for a folder without annotations, or one
    with two files of one stem.
    """
    wanted, found = annotation_files(reference), annotation_files(hypothesis)
    pairs, failures = [], {}
    for stem in sorted({*wanted, *found}):
        try:
            pairs.append(_pair(stem, wanted, found, missing, patient_pattern))
        except (ValueError, OSError) as error:
            failures[stem] = str(error)
    return Paired(tuple(pairs), failures)


def annotation_files(folder: Path) -> dict[str, Path]:
    """The annotation file of every stem below a folder; a csv_bi is read before a table beside it.

    A table's stem is its name without BIDS's `_events` or `_eeg`, so that it meets a csv_bi.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder; give one of csv_bi or events.tsv files")
    found: dict[tuple[str, str], Path] = {}
    for path in _files_below(folder):
        stem = stem_of(path.name)
        if stem is None:
            continue
        first = found.setdefault((stem, path.suffix), path)
        if first != path:
            raise FolderError(
                f"{folder}: found two files for {stem}, {first} and {path}, expected one; files "
                "are paired by name, so score one of their folders by itself"
            )
    if not found:
        raise FolderError(f"{folder}: found no .csv_bi and no events .tsv in it or below")
    # In the order of the suffixes, so that the csv_bi comes last and stays.
    return {stem: found[stem, suffix] for stem, suffix in sorted(found, key=lambda k: k[1] != _TSV)}


def stem_of(name: str) -> str | None:
    """The stem by which a file is paired, None for a file that holds no events.

    >>> stem_of("sub-01_run-1_events.tsv"), stem_of("a_s001_t000.csv_bi"), stem_of("readme.md")
    ('sub-01_run-1', 'a_s001_t000', None)
    """
    if name.endswith(_CSV_BI):
        return name.removesuffix(_CSV_BI)
    stem = name.removesuffix(_TSV)
    if stem == name or stem.endswith(_OTHER_TABLES):
        return None
    return stem.removesuffix("_events").removesuffix("_eeg")


def _files_below(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise FolderError(f"{error.filename}: cannot be opened ({error.strerror})") from error

    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if not name.startswith(".")
    )


def _pair(
    stem: str,
    wanted: dict[str, Path],
    found: dict[str, Path],
    missing: Missing,
    patient_pattern: str,
) -> Pair:
    if stem not in wanted:
        raise FolderError(f"{found[stem]}: no reference of this name; is it of another recording?")
    if stem not in found and missing == "error":
        raise FolderError(
            f"no hypothesis for {wanted[stem]}; silence is a file with one bckg row. With "
            "missing=silent a missing file counts as silence"
        )
    reference, reference_s = _read(wanted[stem])
    hypothesis, hypothesis_s = _read(found[stem]) if stem in found else ((), reference_s)
    durations_s = [seconds for seconds in (reference_s, hypothesis_s) if seconds is not None]
    if not durations_s:
        raise FolderError(
            f"{wanted[stem]}: neither reference nor hypothesis states how long the recording is; "
            "expected a column recordingDuration, or a csv_bi"
        )
    patient = re.search(patient_pattern, stem)
    pair = matched_pair(
        stem,
        patient[patient.re.groups and 1] if patient else stem,
        reference,
        durations_s[0],
        hypothesis,
        durations_s[-1],
    )
    check_length(pair)
    return pair


def _read(path: Path) -> tuple[tuple[Event, ...], float | None]:
    if path.suffix == _CSV_BI:
        stated = read_csv_bi(path)
        return stated.events, stated.duration_s
    table = read_events_table(path)
    return table.events, table.duration_s
