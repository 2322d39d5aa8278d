import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.scoring.comparison import Rival
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.evaluation import evaluate
from seizure.scoring.nedc import ovlp, total
from seizure.scoring.operating_point import choose
from seizure.scoring.plots import plot_latency
from seizure.scoring.published import PUBLISHED
from seizure.scoring.report import headline, write_report
from seizure.scoring.tables import unseen_sentence

SETTINGS = Postprocessing()


def markdown(folder, *report):
    write_report(folder, *report)
    return (folder / "report.md").read_text()


@pytest.fixture(scope="module")
def choice(recordings):
    dev = recordings[:6]
    return choose(sweep(dev, SETTINGS, thresholds_for(dev)), SETTINGS, 50.0)


@pytest.fixture(scope="module")
def evaluation(recordings, choice):
    return evaluate(recordings[6:], choice)


def test_the_point_applied_is_that_of_the_frozen_settings(recordings, choice, evaluation):
    counts = total(ovlp, [recording.pair(choice.settings) for recording in recordings[6:]])
    point = evaluation.point
    assert (point.tp, point.fp, point.fn) == (counts.tp, counts.fp, counts.fn)
    assert point.threshold == choice.point.threshold
    scores = evaluation.scores["total"]["nedc"]["ovlp"]
    assert scores["fa_per_24h"] == pytest.approx(point.fa_per_24h)


def test_the_report_states_the_corpus_beside_the_numbers(tmp_path, evaluation):
    text = markdown(tmp_path, evaluation, "synthetic EEG")
    assert text.splitlines()[0] == "# Seizure detection on eval: synthetic EEG"
    assert "synthetic EEG: 6 recordings" in text[: text.index("## Headline")]
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.md",
        "report.html",
        "scores.json",
        "patients.png",
        "latency.png",
        "curve.png",
        "curve.csv",
        "reliability.png",
    }
    assert "nan" not in text.lower()
    assert json.loads((tmp_path / "scores.json").read_text()) == evaluation.scores


def test_the_same_evaluation_gives_the_same_bytes(tmp_path, evaluation):
    for name in ("a", "b"):
        write_report(tmp_path / name, evaluation, "synthetic EEG")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_all_tables_keep_the_width_of_their_header(tmp_path, evaluation):
    lines = markdown(tmp_path, evaluation, "x").splitlines()
    width = 0
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            width = width if before.startswith("|") else line.count("|")
            assert line.count("|") == width, line


def test_notes_and_further_pictures_are_in_the_report(tmp_path, evaluation):
    plot_latency(tmp_path / "one.png", np.array([1.0]))
    figures = {"Mistakes": {"one.png": "One <mistake>"}}
    text = markdown(tmp_path, evaluation, "x", ["1 file unreadable: b.edf"], figures)
    assert "- 1 file unreadable: b.edf" in text
    assert "## Mistakes\n\n![One <mistake>](one.png)" in text
    page = (tmp_path / "report.html").read_text()
    assert "<li>1 file unreadable: b.edf</li>" in page
    assert 'alt="One &lt;mistake&gt;"' in page


def test_a_rate_out_of_reach_says_so(tmp_path, evaluation):
    curve = replace(evaluation.ovlp_curve, fp=evaluation.ovlp_curve.fp + 100)
    noisy = replace(evaluation, ovlp_curve=curve)
    assert headline(noisy, "x")[-1] == "sensitivity at 1 FA/24h: not reachable"
    assert "| 1 | not reachable |" in markdown(tmp_path, noisy, "x")


def test_a_target_missed_on_dev_is_said(tmp_path, evaluation):
    missed = replace(evaluation, choice=replace(evaluation.choice, reached=False))
    assert "no threshold reached there" in markdown(tmp_path, missed, "x")


def test_a_set_without_a_false_alarm_says_what_that_leaves_open(recordings, choice, evaluation):
    assert evaluation.point.fp == 0
    assert evaluation.intervals["ovlp_fa_per_24h"].high == 0
    bound = float(re.search(r"Up to ([\d.]+) per 24 h", unseen_sentence(evaluation))[1])
    # A process with that rate is silent over these hours in about 5 of 100 cases.
    assert np.exp(-bound * evaluation.point.hours / 24) == pytest.approx(0.05, abs=0.001)
    loose = replace(choice.settings, on_threshold=0.4, min_duration_s=0.0, opening_frames=0)
    alarmed = evaluate(recordings[6:], replace(choice, settings=loose))
    assert alarmed.point.fp > 0
    assert unseen_sentence(alarmed) is None


def test_a_set_without_a_seizure_is_reported_as_undefined(tmp_path, recordings, choice):
    silent = [recording for recording in recordings if not recording.reference]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(silent, choice)
        text = markdown(tmp_path, found, "x")
    assert "No seizure is annotated." in text
    assert "| frame of 1/16 s | 14400 | 0.0 % | undefined | undefined |" in text
    assert "nan" not in text.lower()


def test_temperature_causes_and_a_rival_have_their_sections(tmp_path, recordings, choice):
    scored = recordings[6:]
    choice = replace(choice, settings=replace(choice.settings, on_threshold=0.2))
    causes = {r.stem: (Event(0, r.duration_s, "chewing"),) for r in scored}
    rival = Rival("the other", scored, choice)
    found = evaluate(scored, choice, "eval", 1.7, causes, rival)
    text = markdown(tmp_path, found, "x")
    assert found.point.fp > 0
    assert "Log-odds divided by 1.700, fitted on frames of dev" in text
    assert f"| chewing | {found.point.fp} | 100.0 % |" in text
    assert "## Compared with the other" in text
    assert {row.difference.value for row in found.comparison.differences} == {0.0}


def test_every_published_figure_stands_with_its_scorer_and_its_f1(tmp_path, evaluation):
    text = markdown(tmp_path, evaluation, "x")
    rows = [line for line in text.splitlines() if line.startswith("| SeizureTransformer |")]
    assert len(rows) == sum(f.detector == "SeizureTransformer" for f in PUBLISHED)
    assert "SzCORE event, mean over patients | 0.323 | since January 2026 |" in text
    assert all(figure.scorer for figure in PUBLISHED)
    assert all(bool(figure.f1_definition) == (figure.f1 is not None) for figure in PUBLISHED)


def test_evaluating_nothing_raises(choice):
    with pytest.raises(ValueError, match="eval holds no recording"):
        evaluate([], choice)
