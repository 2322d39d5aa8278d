"""Pages of mistakes, and what a synthetic corpus knows to be under them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from seizure.evaluation.evidence import Pages, draw_evidence, known_causes
from seizure.events.decide import Postprocessing
from seizure.events.stitch import Track
from seizure.learning.tracks import reference_of
from seizure.prepare import prepare_corpus
from seizure.scoring.breakdown import by_cause, false_alarms, missed_seizures
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.evaluation import evaluate
from seizure.scoring.operating_point import choose


@pytest.fixture(scope="module")
def corpus(quick):
    config = quick.config()
    return prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)


def alarmed(corpus, seconds):
    """The recordings of eval with a track that is sure from 20 s on for some seconds."""
    recordings = []
    for row in corpus.index.rows("eval").tolist():
        duration_s = float(corpus.index.n_samples[row]) / corpus.index.rate_hz
        probability = np.full(int(np.ceil(16 * duration_s)), 0.05, np.float32)
        probability[320 : 320 + 16 * seconds] = 0.95
        stem, patient = str(corpus.index.stem[row]), str(corpus.index.patient[row])
        track = Track(stem, 16.0, probability, duration_s)
        reference = reference_of(corpus.index, row)
        recordings.append(TrackedRecording(stem, patient, duration_s, reference, track))
    return recordings


def evaluated(recordings):
    settings = Postprocessing()
    choice = choose(sweep(recordings, settings, thresholds_for(recordings)), settings, 10.0)
    return evaluate(recordings, replace(choice, settings=settings))


def test_every_mistake_has_a_page_and_a_caption_with_its_cause(corpus, tmp_path):
    recordings = alarmed(corpus, seconds=5)
    evaluation, causes = evaluated(recordings), known_causes(corpus, "eval")
    sections = draw_evidence(Pages(tmp_path, recordings, evaluation, corpus), causes)
    n_alarms, n_missed = len(false_alarms(evaluation.pairs)), len(missed_seizures(evaluation.pairs))
    assert n_alarms > 0
    assert n_missed > 0
    titles = " ".join(sections)
    assert f"The surest false alarms, {n_alarms} of {n_alarms}" in titles
    assert f"The longest missed seizures, {n_missed} of {n_missed}" in titles
    captions = {name: text for shown in sections.values() for name, text in shown.items()}
    assert {path.name for path in tmp_path.iterdir()} == set(captions)
    named = {cause for cause, _ in by_cause(evaluation.pairs, causes)}
    for name, caption in captions.items():
        if name.startswith("false-alarm"):
            assert any(cause in caption for cause in named), caption
            assert "20.0 to 25.0 s (5.0 s), mean probability 0.950" in caption


def test_a_detector_that_says_nothing_has_no_page_of_false_alarms(corpus, tmp_path):
    recordings = alarmed(corpus, seconds=0)
    evaluation = evaluated(recordings)
    sections = draw_evidence(Pages(tmp_path, recordings, evaluation, corpus), None)
    assert not any("false alarms" in title for title in sections)
    assert "among those missed" in sections["One seizure"]["seizure.png"]


def test_causes_are_mimics_and_artefacts_never_seizures(corpus):
    causes = known_causes(corpus, "eval")
    labels = {event.label for events in causes.values() for event in events}
    assert labels
    assert all("(artefact)" in label or "(cerebral" in label for label in labels)
    assert set(causes) == set(corpus.index.stem[corpus.index.rows("eval")].tolist())


def test_only_a_synthetic_corpus_knows_causes_and_a_lost_side_file_is_named(corpus, tmp_path):
    assert known_causes(replace(corpus, name="tusz"), "eval") is None
    shutil.copytree(corpus.root, tmp_path / "copy")
    lost = next((tmp_path / "copy").rglob("eval/**/*.truth.json"))
    lost.unlink()
    with pytest.raises(FileNotFoundError, match=lost.name):
        known_causes(replace(corpus, root=tmp_path / "copy"), "eval")
