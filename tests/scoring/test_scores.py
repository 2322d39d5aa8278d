import json

import pytest

from seizure.events.decide import Postprocessing
from seizure.scoring.case import Pair
from seizure.scoring.scores import score_pairs, write_scores


@pytest.fixture(scope="module")
def pairs(recordings):
    settings = Postprocessing(on_threshold=0.5)
    return [recording.pair(settings) for recording in recordings]


def test_the_file_holds_the_same_bytes_whatever_the_order_of_recordings(tmp_path, pairs):
    one = write_scores(tmp_path / "a.json", score_pairs(pairs)).read_bytes()
    two = write_scores(tmp_path / "b.json", score_pairs(pairs[::-1])).read_bytes()
    assert one == two


def test_the_file_holds_null_and_no_bare_nan(tmp_path):
    scores = score_pairs([Pair("a", "p", 60.0, (), ())])
    text = write_scores(tmp_path / "a.json", scores).read_text()
    assert "NaN" not in text
    assert json.loads(text)["total"]["nedc"]["ovlp"]["sensitivity"] is None
    assert json.loads(text)["total"]["szcore"]["event"]["mean"]["f1_2026"] is None


def test_files_and_subjects_add_up_to_the_total(pairs):
    scores = score_pairs(pairs)
    for part in ("files", "subjects"):
        assert sum(block["hours"] for block in scores[part].values()) == pytest.approx(
            scores["total"]["hours"]
        )
        for family in ("nedc", "szcore"):
            for name, figures in scores["total"][family].items():
                for count in ("tp", "fp", "fn"):
                    summed = sum(block[family][name][count] for block in scores[part].values())
                    assert summed == pytest.approx(figures[count], abs=1e-9)


def test_the_official_totals_stand_in_the_file(oracle):
    pairs, official, _ = oracle
    scores = score_pairs(pairs)
    assert len(scores["files"]) == 30
    for name in ("ovlp", "taes", "epoch", "dp"):
        for figure in ("tp", "fp", "fn", "sensitivity", "precision", "f1", "fa_per_24h"):
            expected = official["total"][name]["seiz"][figure]
            assert scores["total"]["nedc"][name][figure] == pytest.approx(expected, rel=1e-9)


def test_a_recording_given_twice_raises(pairs):
    with pytest.raises(ValueError, match="given twice"):
        score_pairs([*pairs, pairs[0]])
