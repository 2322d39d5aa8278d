"""What a report shows of the EEG itself: pages of mistakes, and what is known to cause them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from seizure.cache.mapping import MappedSignals
from seizure.corpus.synthetic.annotation_file import read_truth
from seizure.corpus.synthetic.scene import TruthEvent
from seizure.eeg.annotation import Event
from seizure.prepare import PreparedCorpus
from seizure.scoring.breakdown import Finding, cause_of, false_alarms, missed_seizures
from seizure.scoring.case import TrackedRecording
from seizure.scoring.detection_page import plot_detection
from seizure.scoring.evaluation import Evaluation

# A page shows so much EEG on either side of an event, and at most so much of it in all.
_BESIDE_S = 10.0
_LONGEST_PAGE_S = 90.0
_N_SHOWN = 6

Causes = Mapping[str, tuple[Event, ...]]


def known_causes(corpus: PreparedCorpus, split: str) -> Causes | None:
    """What the side files of a synthetic corpus say of each recording; None for other corpora.

    Events are labelled with what a mimic or an artefact is. Raises `FileNotFoundError` for a
    recording whose side file is gone.
    """
    if corpus.name != "synthetic":
        return None
    files = {path.name: path for path in corpus.root.rglob("*.truth.json")}
    causes = {}
    for stem in corpus.index.stem[corpus.index.rows(split)].tolist():
        if f"{stem}.truth.json" not in files:
            raise FileNotFoundError(
                f"{corpus.root}: found no {stem}.truth.json, expected one beside each recording "
                "of a synthetic corpus; delete the folder and it is made again"
            )
        truth = read_truth(files[f"{stem}.truth.json"])
        causes[stem] = tuple(
            Event(known.start_s, known.stop_s, _name(known))
            for known in truth
            if known.origin != "seizure"
        )
    return causes


class Pages:
    """Draws pages of one evaluation into its folder; `recordings` are in the order of its pairs."""

    def __init__(
        self,
        folder: Path,
        recordings: Sequence[TrackedRecording],
        evaluation: Evaluation,
        corpus: PreparedCorpus,
    ) -> None:
        self.folder = folder
        self.recordings = recordings
        self.evaluation = evaluation
        self.corpus = corpus
        self._signals = MappedSignals(corpus.folder, corpus.index)
        self._row = {str(stem): row for row, stem in enumerate(corpus.index.stem.tolist())}

    def draw(self, name: str, finding: Finding) -> None:
        """Write the EEG around an event with the probability track as `name`."""
        pair, event = self.evaluation.pairs[finding.number], finding.event
        start_s = max(0.0, event.start_s - _BESIDE_S)
        stop_s = min(pair.duration_s, event.stop_s + _BESIDE_S, event.start_s + _LONGEST_PAGE_S)
        index = self.corpus.index
        row, rate_hz = self._row[pair.stem], index.rate_hz
        first, last = round(start_s * rate_hz), round(stop_s * rate_hz)
        plot_detection(
            self.folder / name,
            self._signals.window_uv(row, first, min(last, int(index.n_samples[row]))),
            rate_hz,
            index.channel_names,
            self.recordings[finding.number].track,
            pair.reference,
            pair.hypothesis,
            start_s=first / rate_hz,
            threshold=self.evaluation.choice.settings.on_threshold,
            title=f"{pair.stem} ({self.corpus.note})",
        )

    def where(self, finding: Finding) -> str:
        """Recording and times in words."""
        event = finding.event
        stem = self.evaluation.pairs[finding.number].stem
        return f"{stem}, {event.start_s:.1f} to {event.stop_s:.1f} s ({event.duration_s:.1f} s)"

    def peak(self, finding: Finding) -> float:
        """The highest probability within an event."""
        track = self.recordings[finding.number].track
        first = int(finding.event.start_s * track.rate_hz)
        last = max(first + 1, int(finding.event.stop_s * track.rate_hz))
        return float(track.probability[first:last].max())


def draw_evidence(pages: Pages, causes: Causes | None) -> dict[str, dict[str, str]]:
    """Draw a seizure, the surest false alarms and the longest missed seizures.

    Returns the sections of a report: by title, the caption of each picture by its file's name.
    """
    pairs = pages.evaluation.pairs
    sections: dict[str, dict[str, str]] = {}
    example, state = _example(pages)
    if example is not None:
        caption = f"A seizure of middling length among those {state}: {pages.where(example)}."
        pages.draw("seizure.png", example)
        sections["One seizure"] = {"seizure.png": caption}
    alarms, missed = false_alarms(pairs), missed_seizures(pairs)
    captions: dict[str, str] = {}
    for number, found in enumerate(alarms[:_N_SHOWN], 1):
        pages.draw(f"false-alarm-{number}.png", found)
        cause = ""
        if causes is not None:
            cause = f"; {cause_of(found.event, causes[pairs[found.number].stem])}"
        captions[f"false-alarm-{number}.png"] = (
            f"{pages.where(found)}, mean probability {found.event.confidence:.3f}{cause}."
        )
    sections[f"The surest false alarms, {len(captions)} of {len(alarms)}"] = captions
    captions = {}
    for number, found in enumerate(missed[:_N_SHOWN], 1):
        pages.draw(f"missed-{number}.png", found)
        captions[f"missed-{number}.png"] = (
            f"{pages.where(found)}, {found.event.label}, highest probability "
            f"{pages.peak(found):.3f}."
        )
    sections[f"The longest missed seizures, {len(captions)} of {len(missed)}"] = captions
    return {title: shown for title, shown in sections.items() if shown}


def _example(pages: Pages) -> tuple[Finding | None, str]:
    """A seizure of middling length, of those found or else of all."""
    pairs = pages.evaluation.pairs
    everything = [Finding(n, event) for n, pair in enumerate(pairs) for event in pair.reference]
    missed = set(missed_seizures(pairs))
    found = [finding for finding in everything if finding not in missed]
    by_length = sorted(found or everything, key=lambda f: (f.event.duration_s, f.number))
    middle = by_length[len(by_length) // 2] if by_length else None
    return middle, "found" if found else "missed"


def _name(known: TruthEvent) -> str:
    name = known.cause.replace("_", " ")
    if known.origin == "extracerebral":
        return f"{name} (artefact)"
    return f"{name} (cerebral, lacks {known.lacks})" if known.lacks else f"{name} (cerebral)"
