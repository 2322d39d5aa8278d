"""The whole corpus on disk: made once, in parallel, continued where it was interrupted."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from seizure.corpus.entry import CorpusError
from seizure.corpus.synthetic.annotation_file import (
    write_csv,
    write_csv_bi,
    write_text,
    write_truth,
)
from seizure.corpus.synthetic.edf_file import write_edf
from seizure.corpus.synthetic.patient import draw_patient
from seizure.corpus.synthetic.plan import planned_recordings
from seizure.corpus.synthetic.recording import simulate_recording
from seizure.corpus.synthetic.spec import GENERATOR_VERSION, PlannedRecording, SyntheticSpec

MARKER = "corpus.json"
SUFFIXES = (".csv", ".csv_bi", ".truth.json", ".edf")
"""The files of a recording in the order of writing: with the EDF a recording is complete."""


def make_corpus(
    root: Path,
    spec: SyntheticSpec,
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the corpus of `spec` under `root` in TUSZ's layout, and return `root`.

    A finished corpus of the same spec returns at once, an interrupted one is continued; files are
    the same bit for bit whatever `jobs` is. `progress` is called with (recordings done, total),
    at first with what is there. Raises `CorpusError` if `root` holds the corpus of another spec, or
    if a worker was killed.

    >>> make_corpus(Path("data/synthetic"), SyntheticSpec(train_hours=1.0))  # doctest: +SKIP
    PosixPath('data/synthetic')
    """
    root = Path(root)
    if is_made(root, spec):
        return root
    wanted = _marker(spec)
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / MARKER, json.dumps({**wanted, "finished": False}, indent=1) + "\n")
    planned = planned_recordings(spec)
    missing = [
        recording for recording in planned if not recording_path(root, spec, recording).exists()
    ]
    done = len(planned) - len(missing)
    if progress is not None:
        progress(done, len(planned))
    work = (delayed(_write)(root, spec, recording) for recording in missing)
    workers = Parallel(n_jobs=min(jobs, max(len(missing), 1)), return_as="generator_unordered")
    try:
        for _ in workers(work):
            done += 1
            if progress is not None:
                progress(done, len(planned))
    except TerminatedWorkerError as error:
        raise CorpusError(
            "a worker was killed while it made recordings, most likely for want of memory; what "
            f"was made is kept: the same again, or with fewer than {jobs} jobs, continues"
        ) from error
    hours = sum(recording.duration_s for recording in planned) / 3600.0
    marker = {**wanted, "finished": True, "recordings": len(planned), "hours": round(hours, 3)}
    write_text(root / MARKER, json.dumps(marker, indent=1) + "\n")
    return root


def is_made(root: Path, spec: SyntheticSpec) -> bool:
    """Whether `root` holds the finished corpus of `spec`; raises as `make_corpus` would."""
    if root.exists() and not root.is_dir():
        raise CorpusError(f"{root} is a file, expected a folder or a new name")
    return bool(_found(root, _marker(spec)).get("finished"))


def recording_path(root: Path, spec: SyntheticSpec, planned: PlannedRecording) -> Path:
    """Where the EDF of a planned recording is written."""
    montage = draw_patient(spec, planned.split, planned.patient_index).montage
    folder = root / "edf" / planned.split / planned.patient / planned.session_folder / montage
    return folder / f"{planned.stem}.edf"


def _write(root: Path, spec: SyntheticSpec, planned: PlannedRecording) -> None:
    recording = simulate_recording(
        spec, planned.split, planned.patient_index, planned.recording_index
    )
    path = recording_path(root, spec, planned)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path.with_suffix(".csv"), recording)
    write_csv_bi(path.with_suffix(".csv_bi"), recording)
    write_truth(path.with_suffix(".truth.json"), recording)
    write_edf(path, recording)


def _marker(spec: SyntheticSpec) -> dict:
    """What says of a folder that it holds the corpus of `spec`."""
    return {"kind": "synthetic EEG", "generator_version": GENERATOR_VERSION, "spec": asdict(spec)}


def _found(root: Path, wanted: dict) -> dict:
    """The marker under `root`, {} where there is none; raises if it is of another corpus."""
    marker = root / MARKER
    if not marker.exists():
        if (root / "edf").exists():
            raise CorpusError(
                f"{root} holds recordings but no {MARKER}, so another corpus lives there; "
                "give the synthetic corpus a folder of its own"
            )
        return {}
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
        before = {**found["spec"], "generator_version": found.get("generator_version")}
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{marker} does not say which synthetic corpus lies beside it, as it is damaged or of "
            "another program; give the corpus another folder, or delete that one"
        ) from error
    now = {**wanted["spec"], "generator_version": wanted["generator_version"]}
    differing = [
        f"{key} is {before.get(key)!r} there and {now.get(key)!r} here"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if differing:
        raise CorpusError(
            f"{root} holds a synthetic corpus of another spec: {'; '.join(differing)}. "
            "Give this spec another folder, or delete that one"
        )
    return found
