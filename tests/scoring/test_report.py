import json
import warnings
from dataclasses import replace

import pytest

from seizure.events.decide import Postprocessing
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.evaluation import evaluate
from seizure.scoring.nedc import ovlp, total
from seizure.scoring.operating_point import choose
from seizure.scoring.report import headline, write_report

SETTINGS = Postprocessing()


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
    text = write_report(tmp_path, evaluation, "synthetic EEG").read_text()
    assert text.splitlines()[0] == "# Seizure detection on eval: synthetic EEG"
    after_headline = text[text.index("## Headline") :]
    assert "synthetic EEG: 6 recordings" in after_headline
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.md",
        "scores.json",
        "curve.png",
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
    lines = write_report(tmp_path, evaluation, "x").read_text().splitlines()
    width = 0
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            width = width if before.startswith("|") else line.count("|")
            assert line.count("|") == width, line


def test_notes_and_further_figures_are_in_the_report(tmp_path, evaluation):
    text = write_report(
        tmp_path, evaluation, "x", ["1 file unreadable: b.edf"], {"seizure.png": "One seizure"}
    ).read_text()
    assert "- 1 file unreadable: b.edf" in text
    assert "![One seizure](seizure.png)" in text


def test_a_rate_out_of_reach_says_so(tmp_path, evaluation):
    curve = replace(evaluation.ovlp_curve, fp=evaluation.ovlp_curve.fp + 100)
    noisy = replace(evaluation, ovlp_curve=curve)
    assert headline(noisy, "x")[-1] == "sensitivity at 1 FA/24h: not reachable"
    assert "| 1 | not reachable |" in write_report(tmp_path, noisy, "x").read_text()


def test_a_target_missed_on_dev_is_said(tmp_path, evaluation):
    missed = replace(evaluation, choice=replace(evaluation.choice, reached=False))
    assert "no threshold reached there" in write_report(tmp_path, missed, "x").read_text()


def test_a_set_without_a_seizure_is_reported_as_undefined(tmp_path, recordings, choice):
    silent = [recording for recording in recordings if not recording.reference]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(silent, choice)
        text = write_report(tmp_path, found, "x").read_text()
    assert "No seizure is annotated." in text
    assert "| AUROC | undefined |" in text
    assert "nan" not in text.lower()


def test_evaluating_nothing_raises(choice):
    with pytest.raises(ValueError, match="eval holds no recording"):
        evaluate([], choice)
