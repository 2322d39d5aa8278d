"""What a scorer is given: a recording's reference beside its detections or its track."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing, decide
from seizure.events.stitch import Track

# Files store four decimals, so an event at the very end may pass it by half of the last one.
_SLACK_S = 1e-3


@dataclass(frozen=True)
class Pair:
    """The reference and the detected seizures of one recording.

    Raises `ValueError` for a duration that is not positive or an event past the end.

    >>> Pair("a_s001_t000", "a", 60.0, (Event(10.0, 20.0),), ()).duration_s
    60.0
    """

    stem: str
    patient: str
    duration_s: float
    reference: tuple[Event, ...]
    hypothesis: tuple[Event, ...]

    def __post_init__(self) -> None:
        _check_duration(self.stem, self.duration_s)
        _check_inside(self.stem, "reference", self.reference, self.duration_s)
        _check_inside(self.stem, "hypothesis", self.hypothesis, self.duration_s)


@dataclass(frozen=True, eq=False)
class TrackedRecording:
    """The reference seizures of one recording beside its probability track.

    Raises `ValueError` when the track is of another recording or another duration.
    """

    stem: str
    patient: str
    duration_s: float
    reference: tuple[Event, ...]
    track: Track

    def __post_init__(self) -> None:
        _check_duration(self.stem, self.duration_s)
        _check_inside(self.stem, "reference", self.reference, self.duration_s)
        if self.track.stem != self.stem:
            raise ValueError(f"{self.stem}: the track is of another recording, {self.track.stem}")
        if abs(self.track.duration_s - self.duration_s) > _SLACK_S:
            raise ValueError(
                f"{self.stem}: the reference lasts {self.duration_s} s and the track "
                f"{self.track.duration_s} s; both must cover the whole recording"
            )

    def pair(self, settings: Postprocessing) -> Pair:
        """The recording with the events that `decide` finds in its track."""
        hypothesis = decide(self.track, settings)
        return Pair(self.stem, self.patient, self.duration_s, self.reference, hypothesis)


def matched_pair(
    stem: str,
    patient: str,
    reference: Sequence[Event],
    reference_duration_s: float,
    hypothesis: Sequence[Event],
    hypothesis_duration_s: float,
) -> Pair:
    """A pair from two files that each state a duration; they must agree.

    Raises `ValueError` when they differ by more than a millisecond.
    """
    if abs(reference_duration_s - hypothesis_duration_s) > _SLACK_S:
        raise ValueError(
            f"{stem}: the reference lasts {reference_duration_s} s and the hypothesis "
            f"{hypothesis_duration_s} s; score files of the same recording"
        )
    return Pair(stem, patient, reference_duration_s, tuple(reference), tuple(hypothesis))


def clipped(events: Iterable[Event], duration_s: float) -> tuple[Event, ...]:
    """Events cut at the end of a recording, those past it left out.

    >>> clipped([Event(5.0, 12.0), Event(20.0, 30.0)], 10.0)
    (Event(start_s=5.0, stop_s=10.0, label='seiz', confidence=1.0),)
    """
    return tuple(
        Event(event.start_s, min(event.stop_s, duration_s), event.label, event.confidence)
        for event in events
        if event.start_s < duration_s
    )


def _check_duration(stem: str, duration_s: float) -> None:
    if not 0 < duration_s < float("inf"):
        raise ValueError(f"{stem}: a recording must last longer than 0 s, found {duration_s} s")


def _check_inside(stem: str, role: str, events: Sequence[Event], duration_s: float) -> None:
    for event in events:
        if event.label == "bckg":
            raise ValueError(
                f"{stem}: a {role} event is labelled bckg; pass the seizures only, background is "
                f"what lies between them"
            )
        if not event.stop_s <= duration_s + _SLACK_S:
            raise ValueError(
                f"{stem}: a {role} event [{event.start_s}, {event.stop_s}) s ends after the "
                f"recording, which lasts {duration_s} s; correct the file or cut its events "
                f"with seizure.scoring.case.clipped"
            )
