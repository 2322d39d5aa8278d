"""Scoring two folders: the official figures, every failure by name, nothing taken for silence."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seizure import score
from seizure.eeg.annotation import Event, read_csv_bi
from seizure.events.export import write_csv_bi, write_tsv
from seizure.scoring import szcore
from seizure.scoring.folders import FolderError, pair_folders, stem_of
from seizure.scoring.nedc import SCORERS

ORACLES = Path(__file__).parents[2] / "shared" / "oracles" / "nedc_v6_public"
START = datetime(2026, 1, 2, 3, 4, 5)
FOUND = (Event(10.0, 20.0), Event(40.0, 50.0))
needs_oracles = pytest.mark.skipif(not ORACLES.is_dir(), reason=f"no official scores in {ORACLES}")


@pytest.fixture
def folders(tmp_path):
    """Two recordings of two patients in two folders that agree."""
    for side in ("ref", "hyp"):
        for stem in ("a_s001_t000", "b_s001_t000"):
            write_csv_bi(tmp_path / side / f"{stem}.csv_bi", FOUND, 60.0)
    return tmp_path


@pytest.fixture
def scored(folders, command):
    """Scores the two folders; what happened, and what was written."""

    def start(*more):
        output = folders / "scores.json"
        ended = command(
            score.VERB,
            f"reference={folders / 'ref'}",
            f"hypothesis={folders / 'hyp'}",
            f"output={output}",
            *more,
        )
        return ended, json.loads(output.read_text()) if output.is_file() else None

    return start


@needs_oracles
def test_the_published_pairs_get_the_official_figures_in_the_stated_layout(tmp_path, command):
    output = tmp_path / "scores.json"
    ended = command(
        score.VERB,
        f"reference={ORACLES / 'ref'}",
        f"hypothesis={ORACLES / 'hyp'}",
        f"output={output}",
        f"leaderboard={tmp_path / 'results.json'}",
    )
    assert ended.code == 0, ended.err
    scores = json.loads(output.read_text())
    assert set(scores) == {"total", "subjects", "files"}
    official = json.loads((ORACLES / "nedc.json").read_text())
    places = {"total": scores["total"], **scores["files"]}
    expected = {
        "total": official["total"],
        **{name.removesuffix(".csv_bi"): said for name, said in official["per_file"].items()},
    }
    assert set(places) == set(expected)
    for place, block in places.items():
        for name, figures in block["nedc"].items():
            seiz = expected[place][name]["seiz"]
            assert set(figures) == {
                "tp", "fp", "fn", "sensitivity", "precision", "f1", "fa_per_24h",
            }  # fmt: skip
            for figure in ("tp", "fp", "fn", "fa_per_24h"):
                assert figures[figure] == pytest.approx(seiz[figure], rel=1e-9, abs=1e-9)
    assert "604         2        97" in ended.out
    means = json.loads((ORACLES / "szcore.json").read_text())["dataset"]["tsv_1hz"]
    results = json.loads((tmp_path / "results.json").read_text())
    for kind in ("sample", "event"):
        assert results[f"{kind}_results"] == pytest.approx(means["avg_per_subject"][kind])


def test_tables_and_csv_bi_of_the_same_events_score_alike_whatever_their_folders(folders, scored):
    expected = scored()[1]
    for path in sorted((folders / "hyp").iterdir()):
        path.unlink()
        stem = path.name.removesuffix(".csv_bi")
        write_tsv(folders / "hyp" / "sub" / f"{stem}_events.tsv", FOUND, 60.0, START)
    (folders / "hyp" / "participants.tsv").write_text("participant_id\nsub-01\n")
    ended, found = scored()
    assert ended.code == 0, ended.out
    assert found == expected
    assert found["total"]["nedc"]["ovlp"]["tp"] == 4


def test_a_csv_bi_is_read_before_the_table_beside_it(folders, scored):
    write_tsv(folders / "hyp" / "a_s001_t000.tsv", (), 60.0, START)
    assert scored()[1]["total"]["nedc"]["ovlp"]["fn"] == 0


def test_the_same_folders_give_the_same_bytes(folders, scored):
    scored()
    first = (folders / "scores.json").read_bytes()
    scored()
    assert (folders / "scores.json").read_bytes() == first


def test_a_missing_hypothesis_is_named_and_takes_part_in_no_total(folders, scored):
    (folders / "hyp" / "b_s001_t000.csv_bi").unlink()
    ended, scores = scored()
    assert ended.code == 1
    assert "failed: b_s001_t000: no hypothesis for" in ended.out
    assert "these totals hold 1 of 2 recordings" in ended.out
    assert list(scores["files"]) == ["a_s001_t000"]
    assert list(scores["failures"]) == ["b_s001_t000"]
    assert scores["total"]["nedc"]["ovlp"]["fn"] == 0


def test_silence_has_to_be_asked_for_and_counts_as_misses(folders, scored):
    (folders / "hyp" / "b_s001_t000.csv_bi").unlink()
    ended, scores = scored("missing=silent")
    assert ended.code == 0
    assert "failures" not in scores
    assert scores["total"]["nedc"]["ovlp"]["fn"] == 2


HEADER = (
    "# version = csv_v1.0.0\n# bname = b\n# duration = 60.0000 secs\n#\n"
    "channel,start_time,stop_time,label,confidence\n"
)
ROW = "TERM,0.0000,60.0000,bckg,1.0000\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the end of the file"),
        (b"\xff\xfe\x00", "not text"),
        (HEADER.encode(), "no annotation row"),
        ((HEADER + "TERM,0.0,60.0,spike,1.0\n").encode(), "label 'spike'"),
        ((HEADER + "TERM,5.0,5.0,seiz,1.0\n").encode(), "0 <= start < stop"),
        ((HEADER + "TERM,50.0,70.0,seiz,1.0\n").encode(), "duration in the header"),
        ((HEADER + "TERM,50.0,60.5,seiz,1.0\n").encode(), "ends after the recording"),
        ((HEADER.replace("channel,", "chan,") + ROW).encode(), "the columns channel,"),
        ((HEADER.replace("60.0000 secs", "long") + ROW).encode(), "found duration 'long'"),
        ((HEADER.replace("60.0", "61.0") + ROW).encode(), "lasts 60.0 s and the hypothesis 61.0"),
    ],
)
@pytest.mark.parametrize("missing", ["error", "silent"])
def test_what_cannot_be_scored_is_never_silence(folders, scored, content, said, missing):
    (folders / "hyp" / "b_s001_t000.csv_bi").write_bytes(content)
    ended, scores = scored(f"missing={missing}")
    assert ended.code == 1
    line = next(line for line in ended.out.splitlines() if "failed: b_s001_t000" in line)
    assert said in line
    assert list(scores["files"]) == ["a_s001_t000"]


TABLE = "onset\tduration\teventType\trecordingDuration\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "found columns none"),
        ("start\tstop\n1\t2\n", "found columns start, stop"),
        (TABLE, "neither a seizure (sz…) nor a bckg row"),
        (TABLE + "1\t2\tblink\t60\n", "neither a seizure (sz…) nor a bckg row"),
        (TABLE + "1\t0\tsz\t60\n", "duration > 0"),
        (TABLE + "1\t2\tsz\tlong\n", "recordingDuration 'long'"),
        (TABLE + "1\t2\tsz\t60\n5\t2\tsz\t61\n", "2 values in recordingDuration"),
        (TABLE + "1\t2\tsz\t30\n", "lasts 60.0 s and the hypothesis 30.0 s"),
        (TABLE + "50\t20\tsz\t60\n", "ends after the recording"),
    ],
)
def test_a_table_that_cannot_be_scored_is_never_silence(folders, scored, content, said):
    (folders / "hyp" / "b_s001_t000.csv_bi").unlink()
    (folders / "hyp" / "b_s001_t000_events.tsv").write_text(content)
    ended, _ = scored("missing=silent")
    assert ended.code == 1
    assert said in next(line for line in ended.out.splitlines() if "failed: b_s001" in line)


def test_one_side_may_leave_the_duration_to_the_other_but_not_both(folders, scored):
    for side in ("ref", "hyp"):
        (folders / side / "b_s001_t000.csv_bi").unlink()
        write_tsv(folders / side / "b_s001_t000.tsv", FOUND, 60.0, START)
    plain = "onset\tduration\teventType\n10\t10\tsz\n"
    (folders / "ref" / "b_s001_t000.tsv").write_text(plain)
    assert scored()[0].code == 0
    (folders / "hyp" / "b_s001_t000.tsv").write_text(plain)
    ended, _ = scored()
    assert ended.code == 1
    assert "neither reference nor hypothesis states how long" in ended.out


def test_a_hypothesis_of_no_reference_is_named(folders, scored):
    write_csv_bi(folders / "hyp" / "c.csv_bi", FOUND, 60.0)
    ended, scores = scored("missing=silent")
    assert ended.code == 1
    assert "no reference of this name" in scores["failures"]["c"]


def test_a_recording_of_less_than_a_second_is_named(folders, scored):
    for side in ("ref", "hyp"):
        write_csv_bi(folders / side / "c.csv_bi", (), 0.5)
    ended, scores = scored()
    assert ended.code == 1
    assert "at least 1 s" in scores["failures"]["c"]


def test_with_nothing_to_score_nothing_is_written(folders, scored):
    for path in (folders / "hyp").iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    ended, scores = scored()
    assert (ended.code, scores) == (1, None)
    assert "none of 4 recordings could be scored" in ended.out


def test_folders_that_cannot_be_paired_are_refused(tmp_path, folders):
    with pytest.raises(FolderError, match="no such folder"):
        pair_folders(tmp_path / "gone", folders / "hyp")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match=r"no \.csv_bi and no events"):
        pair_folders(folders / "ref", tmp_path / "empty")
    write_csv_bi(folders / "hyp" / "again" / "a_s001_t000.csv_bi", FOUND, 60.0)
    with pytest.raises(FolderError, match="two files for a_s001_t000"):
        pair_folders(folders / "ref", folders / "hyp")


def test_patients_follow_the_pattern(folders):
    pairs = pair_folders(folders / "ref", folders / "hyp").pairs
    assert [pair.patient for pair in pairs] == ["a", "b"]
    for pattern, patients in ((r"_(s\d+)", ["s001", "s001"]), ("zz", [p.stem for p in pairs])):
        found = pair_folders(folders / "ref", folders / "hyp", patient_pattern=pattern).pairs
        assert [pair.patient for pair in found] == patients


def test_a_pattern_that_is_none_is_refused(scored):
    ended, _ = scored("patient_pattern='(['")
    assert ended.code == 2
    assert "patient_pattern: no regular expression" in ended.err


def test_a_folder_for_the_scores_is_refused_before_anything_is_read(scored, tmp_path):
    ended, _ = scored(f"output={tmp_path}")
    assert ended.code == 2
    assert "is a folder; give the name of a file" in ended.err


def test_the_events_of_a_run_score_as_the_run_says(quick, trained, tmp_path, command):
    output = tmp_path / "scores.json"
    ended = command(
        score.VERB,
        f"reference={quick.corpus / 'edf' / 'eval'}",
        f"hypothesis={trained / 'events'}",
        f"output={output}",
    )
    assert ended.code == 0, ended.out
    found = json.loads(output.read_text())
    expected = json.loads((trained / "scores.json").read_text())
    assert set(found["files"]) == set(expected["files"])
    # The run's references are whole samples, the files' whole 0.1 ms.
    for name in ("ovlp", "dp", "taes"):
        for count in ("tp", "fp", "fn"):
            wanted = expected["total"]["nedc"][name][count]
            assert found["total"]["nedc"][name][count] == pytest.approx(wanted, abs=0.01)


def test_a_stem_is_the_name_without_what_its_format_adds():
    names = ("a.csv_bi", "a_events.tsv", "a_eeg.tsv", "a.tsv", "sub-1_channels.tsv", "a.json")
    assert [stem_of(name) for name in names] == ["a", "a", "a", "a", None, None]


def test_scoring_loads_neither_torch_nor_lightning():
    code = (
        "import sys; from seizure import score; "
        "print([m for m in ('torch', 'lightning', 'matplotlib', 'mne') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Rows as a careless program writes them: out of order, nested, touching, empty, past the end.
quarters = st.lists(st.integers(0, 240), min_size=2, max_size=2, unique=True).map(sorted)
good = quarters.map(lambda ends: (ends[0] / 4, ends[1] / 4))
bad = st.sampled_from([(5.0, 5.0), (9.0, 3.0), (-1.0, 4.0), (50.0, 60.5), (50.0, 99.0)])
rows = st.one_of(st.lists(good, max_size=8), st.lists(good, max_size=8), st.lists(good | bad))


@settings(deadline=None, max_examples=150)
@given(rows, rows, st.booleans())
def test_a_careless_file_raises_or_scores_as_the_same_seizures_written_well(
    tmp_path_factory, reference, hypothesis, as_table
):
    folder = tmp_path_factory.mktemp("fuzz")
    drawn = {"ref": reference, "hyp": hypothesis}
    for side, some in drawn.items():
        (folder / side).mkdir()
        lines = "".join(f"TERM,{a},{b},seiz,1.0\n" for a, b in some)
        (folder / side / "a.csv_bi").write_text(HEADER + ROW + lines)
    if as_table:
        (folder / "hyp" / "a.csv_bi").unlink()
        lines = "".join(f"{a}\t{b - a}\tsz\t60\n" for a, b in hypothesis)
        (folder / "hyp" / "a_events.tsv").write_text(TABLE + "0\t60\tbckg\t60\n" + lines)
    paired = pair_folders(folder / "ref", folder / "hyp")
    sound = all(0 <= a < b <= 60 for some in drawn.values() for a, b in some)
    assert bool(paired.pairs) == sound
    if not sound:
        assert list(paired.failures) == ["a"]
        return
    for side, some in drawn.items():
        write_csv_bi(folder / "tidy" / side / "a.csv_bi", tidied(some), 60.0)
    (pair,) = paired.pairs
    (tidy,) = pair_folders(folder / "tidy" / "ref", folder / "tidy" / "hyp").pairs
    assert read_csv_bi(folder / "tidy" / "ref" / "a.csv_bi").events == tidied(reference)
    for scorer in (*SCORERS.values(), szcore.event, szcore.sample):
        assert scorer(pair) == scorer(tidy)


def tidied(some):
    """Sorted and disjoint, from a mask of quarter seconds; touching ones are one."""
    mask = [any(a * 4 <= k < b * 4 for a, b in some) for k in range(241)]
    starts = [k for k in range(241) if mask[k] and (k == 0 or not mask[k - 1])]
    stops = [k for k in range(1, 241) if mask[k - 1] and not mask[k]]
    return tuple(Event(a / 4, b / 4) for a, b in zip(starts, stops, strict=True))
