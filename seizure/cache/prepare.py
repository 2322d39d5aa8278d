"""One recording of a corpus, read, filtered and quantised."""

from collections.abc import Sequence
from dataclasses import asdict

from seizure.cache.quantise import event_intervals, quantise
from seizure.cache.shard import PreparedRecording
from seizure.corpus.entry import CorpusRecording, printable
from seizure.eeg.annotation import AnnotationError, Event
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording
from seizure.eeg.recording import Recording, UnreadableRecording

_ANNOTATION_SLACK_S = 1.0


def prepare_recording(
    recording: CorpusRecording, events: Sequence[Event], preprocessing: Preprocessing
) -> PreparedRecording:
    """Read, filter and quantise one recording; `meta` says where it came from and what was odd.

    Raises:
        UnreadableRecording, AnnotationError: it cannot become correct data.
    """
    source = read_edf(
        recording.edf, preprocessing.missing, preprocessing.montage, preprocessing.max_interpolated
    )
    return prepared_from(source, recording, events, preprocessing)


def prepared_from(
    source: Recording,
    recording: CorpusRecording,
    events: Sequence[Event],
    preprocessing: Preprocessing,
) -> PreparedRecording:
    """The same of EEG that was read already, in the montage; `recording` names it in errors."""
    issues = list(source.issues)
    _check_events(recording, events, source, issues)
    try:
        filtered = filter_recording(source, preprocessing)
        quantised = quantise(filtered)
    except ValueError as error:
        raise UnreadableRecording(recording.edf, str(error)) from error
    intervals, types = event_intervals(events, filtered.rate_hz, filtered.n_samples)
    meta = {
        "stem": recording.stem,
        "patient": recording.patient,
        "session": recording.session,
        "split": recording.split,
        "rate_hz": filtered.rate_hz,
        "n_samples": filtered.n_samples,
        "channel_names": list(filtered.channel_names),
        "montage": preprocessing.montage,
        "interpolated": list(filtered.interpolated),
        "masked": list(filtered.masked),
        "issues": issues,
        "start": None if source.start is None else source.start.isoformat(),
        "source_file": printable(recording.edf.name),
        "source_rate_hz": source.rate_hz,
        "preprocessing": asdict(preprocessing),
    }
    return PreparedRecording(
        **vars(quantised),
        events=intervals,
        event_type=types,
        meta=meta,
    )


def _check_events(
    recording: CorpusRecording, events: Sequence[Event], source: Recording, issues: list[str]
) -> None:
    last_s = max((event.stop_s for event in events), default=0.0)
    if last_s <= source.duration_s + _ANNOTATION_SLACK_S:
        return
    found = f"a seizure until {last_s:g} s in a recording of {source.duration_s:g} s"
    if not source.is_truncated:
        raise AnnotationError(
            f"{recording.annotation or recording.edf}: found {found}, expected it within the "
            "recording; the annotation belongs to another file"
        )
    issues.append(f"truncated file: {found}, only what is present counts")
