import json

import pytest

from seizure.eeg.annotation import Event
from seizure.events.decide import Postprocessing
from seizure.scoring.case import Pair
from seizure.scoring.leaderboard import (
    LeaderboardError,
    check_leaderboard,
    leaderboard,
    write_leaderboard,
)

BLOCKS = ("sample_results", "event_results")


@pytest.fixture(scope="module")
def content(recordings):
    return leaderboard([r.pair(Postprocessing(on_threshold=0.5)) for r in recordings])


def test_the_figures_are_those_of_the_official_evaluation(oracle):
    pairs, _, official = oracle
    found = leaderboard(pairs)
    expected = official["dataset"]["tsv_1hz"]
    for block, kind in (("sample_results", "sample"), ("event_results", "event")):
        assert found[block] == pytest.approx(expected["avg_per_subject"][kind], rel=1e-9)
        old = expected["avg_per_subject_f1_timescoring_le_0.0.6"][kind]
        assert found["f1_before_2026"][block] == pytest.approx(old, rel=1e-9)
        pooled = expected["cumulated"][kind]
        assert found["pooled"][block]["tp"] == pooled["tp"]
        assert found["pooled"][block]["fpRate"] == pytest.approx(pooled["fp_per_24h"])
        for subject, figures in official["per_subject"]["tsv_1hz"].items():
            ours = found["subjects"][subject.removeprefix("sub-")][block]
            assert ours["f1"] == pytest.approx(figures[kind]["f1"], rel=1e-9)


def test_the_file_holds_the_same_bytes_twice_and_no_bare_nan(tmp_path, content):
    silent = leaderboard([Pair("a", "p", 60.0, (), ())])
    assert silent["event_results"]["f1"] is None
    path = write_leaderboard(tmp_path / "a.json", silent)
    assert "NaN" not in path.read_text()
    one, two = (write_leaderboard(tmp_path / name, content).read_bytes() for name in ("b", "c"))
    assert one == two
    assert json.loads(one) == content


def test_both_definitions_of_f1_stand_in_it():
    found = Pair("a_1", "a", 600.0, (Event(100.0, 160.0),), (Event(100.0, 160.0),))
    alarm = Pair("b_1", "b", 600.0, (), (Event(100.0, 160.0),))
    content = leaderboard([found, alarm])
    assert content["event_results"]["f1"] == 0.5
    assert content["f1_before_2026"]["event_results"]["f1"] == 1.0


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        ("f1", 1.2, "event_results.f1: found 1.2"),
        ("fpRate", -1.0, "event_results.fpRate: found -1.0"),
        ("sensitivity", float("nan"), "found nan"),
        ("more", 0.5, "expected f1, f1_std, fpRate"),
    ],
)
def test_figures_that_cannot_be_are_refused_and_nothing_is_written(
    tmp_path, content, figure, value, said
):
    wrong = {**content, "event_results": {**content["event_results"], figure: value}}
    with pytest.raises(LeaderboardError, match=said):
        write_leaderboard(tmp_path / "a.json", wrong)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LeaderboardError, match="sample_results: found nothing"):
        check_leaderboard({"event_results": content["event_results"]})
