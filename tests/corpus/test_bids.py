"""A BIDS tree gives its recordings, patients, splits and typed seizures, or says what is wrong."""

import pickle

import pytest

from seizure.corpus.bids import BidsCorpus
from seizure.corpus.entry import CorpusError
from seizure.corpus.split import SplitPlan, audit_splits
from seizure.eeg.annotation import AnnotationError, Event
from seizure.eeg.edf import read_edf
from seizure.eeg.recording import UnreadableRecording

COLUMNS = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
BACKGROUND = "0.00\t3600.00\tbckg\tn/a\tn/a\t2000-01-01 00:00:00\t3600.00\n"


def _add(root, place, rows=BACKGROUND, suffix=".edf"):
    base = root / place
    base.parent.mkdir(parents=True, exist_ok=True)
    edf = base.with_name(base.name + "_eeg" + suffix)
    edf.touch()
    if rows is not None:
        base.with_name(base.name + "_events.tsv").write_text(COLUMNS + rows)
    return edf


@pytest.fixture
def tree(tmp_path):
    for subject in ("00", "01", "02", "03"):
        for run in ("00", "01"):
            name = f"sub-{subject}_ses-01_task-szMonitoring_run-{run}"
            _add(tmp_path, f"sub-{subject}/ses-01/eeg/{name}")
    _add(tmp_path, "sub-04/eeg/sub-04_task-rest", rows=None)
    (tmp_path / "dataset_description.json").write_text("{}")
    _add(tmp_path, "derivatives/sub-00/eeg/sub-00_task-rest")
    return tmp_path


def test_every_recording_is_found_with_its_session_and_run(tree):
    found = BidsCorpus(tree).recordings()
    assert len(found) == 9
    assert found[0].stem == "sub-00_ses-01_task-szMonitoring_run-00"
    assert (found[0].patient, found[0].session) == ("sub-00", "ses-01")
    assert (found[-1].patient, found[-1].session, found[-1].annotation) == ("sub-04", "", None)
    assert {r.split for r in found} == {"train", "dev", "eval"}
    audit_splits(found)
    assert pickle.loads(pickle.dumps(BidsCorpus(tree))).recordings() == found


def test_splits_of_the_participants_table_count(tree):
    table = tree / "participants.tsv"
    rows = ["sub-00\ttrain", "sub-01\tdev", "sub-02\teval", "sub-03\ttest", "sub-04\tTrain"]
    table.write_text("participant_id\tsplit\n" + "\n".join(rows) + "\nsub-99\ttrain\n")
    splits = {r.patient: r.split for r in BidsCorpus(tree).recordings()}
    assert splits == {
        "sub-00": "train", "sub-01": "dev", "sub-02": "eval", "sub-03": "eval", "sub-04": "train",
    }  # fmt: skip
    table.write_text(table.read_text().replace("split", "set"))
    assert {r.patient: r.split for r in BidsCorpus(tree, split_column="set").recordings()} == splits
    with pytest.raises(CorpusError, match=r"no column 'fold'.*corpus\.split_column=fold"):
        BidsCorpus(tree, split_column="fold").recordings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("participant_id\tsplit\nsub-00\tholdout\n", "found split 'holdout' for sub-00"),
        ("participant_id\tsplit\nsub-00\ttrain\n", "found split None for sub-01"),
        ("subject\tsplit\nsub-00\ttrain\n", "no column participant_id"),
        ("participant_id\tsplit\nsub-00\n", r"line 2: found 1 fields, expected 2"),
    ],
)
def test_an_unclear_participants_table_is_refused(tree, text, reason):
    (tree / "participants.tsv").write_text(text)
    with pytest.raises(CorpusError, match=reason):
        BidsCorpus(tree).recordings()


def test_a_table_without_splits_leaves_the_draw(tree):
    drawn = {r.patient: r.split for r in BidsCorpus(tree).recordings()}
    (tree / "participants.tsv").write_text("participant_id\tage\nsub-00\t3\n")
    assert {r.patient: r.split for r in BidsCorpus(tree).recordings()} == drawn
    plan = SplitPlan(eval_patients=("sub-03",))
    named = {r.patient: r.split for r in BidsCorpus(tree, plan).recordings()}
    assert named["sub-03"] == "eval"
    assert named["sub-00"] == "train"


def test_seizures_have_the_types_of_tusz(tmp_path):
    kinds = ["sz", "sz_foc_ia_nm", "sz_foc_a_m_clonic", "sz_foc_ua_m", "sz_foc_f2b",
             "sz_gen_m_tonicClonic", "sz_gen_nm_typical", "sz_gen_nm_myoclonic", "sz_gen",
             "sz_gen_m_myoAtonic", "sz_uo_m", "bckg", "impd", "artefact"]  # fmt: skip
    expected = ["seiz", "cpsz", "spsz", "fnsz", "tcsz", "tcsz", "absz", "mysz", "gnsz", "gnsz",
                "seiz"]  # fmt: skip
    rows = "".join(
        f"{100 * k}.5\t20\t{kind}\t0.5\tn/a\t2000-01-01 00:00:00\t3600\n"
        for k, kind in enumerate(kinds)
    )
    _add(tmp_path, "sub-1/eeg/sub-1_task-a", rows)
    corpus = BidsCorpus(tmp_path, SplitPlan(dev_share=0, eval_share=0))
    assert corpus.events(corpus.recordings()[0]) == tuple(
        Event(100 * k + 0.5, 100 * k + 20.5, label, 0.5) for k, label in enumerate(expected)
    )


def test_background_alone_means_no_seizure_and_nothing_is_never_silence(tmp_path):
    corpus = BidsCorpus(tmp_path, SplitPlan(dev_share=0, eval_share=0))
    _add(tmp_path, "sub-1/eeg/sub-1_task-a")
    assert corpus.events(corpus.recordings()[0]) == ()
    for rows in ("", "1\t2\tblink\tn/a\tn/a\tn/a\t3600\n"):
        _add(tmp_path, "sub-1/eeg/sub-1_task-a", rows)
        with pytest.raises(AnnotationError, match="says nothing about seizures"):
            corpus.events(corpus.recordings()[0])
    (tmp_path / "sub-1/eeg/sub-1_task-a_events.tsv").unlink()
    with pytest.raises(AnnotationError, match=r"sub-1_task-a_events\.tsv beside it"):
        corpus.events(corpus.recordings()[0])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1\t2\tsz\n", "line 2: found 3 fields, expected 7"),
        ("n/a\t2\tsz\tn/a\tn/a\tn/a\t9\n", "line 2: found onset 'n/a'"),
        ("1\tn/a\tsz\tn/a\tn/a\tn/a\t9\n", "duration 'n/a'"),
        ("1\t0\tsz\tn/a\tn/a\tn/a\t9\n", "duration > 0"),
        ("-1\t2\tsz\tn/a\tn/a\tn/a\t9\n", "onset >= 0"),
        ("1\tinf\tsz\tn/a\tn/a\tn/a\t9\n", "duration > 0"),
        ("1\t2\tsz\t7\tn/a\tn/a\t9\n", "confidence"),
    ],
)
def test_an_unclear_row_is_refused_by_file_and_line(tmp_path, rows, reason):
    _add(tmp_path, "sub-1/eeg/sub-1_task-a", rows)
    corpus = BidsCorpus(tmp_path, SplitPlan(dev_share=0, eval_share=0))
    with pytest.raises(AnnotationError, match=reason) as caught:
        corpus.events(corpus.recordings()[0])
    assert "sub-1_task-a_events.tsv" in str(caught.value)


def test_bdf_and_compressed_files_are_found(tmp_path):
    _add(tmp_path, "sub-1/eeg/sub-1_task-a", suffix=".bdf")
    _add(tmp_path, "sub-1/eeg/sub-1_task-b", suffix=".edf.gz")
    found = BidsCorpus(tmp_path, SplitPlan(dev_share=0, eval_share=0)).recordings()
    assert [r.stem for r in found] == ["sub-1_task-a", "sub-1_task-b"]
    assert all(r.annotation is not None for r in found)


def test_what_was_looked_for_is_said(tmp_path):
    with pytest.raises(CorpusError, match=r"found no EEG, expected sub-<label>.*corpus\.root"):
        BidsCorpus(tmp_path).recordings()
    _add(tmp_path, "sub-1/eeg/sub-1_task-a", suffix=".vhdr")
    with pytest.raises(CorpusError, match=r"found EEG only as \.vhdr"):
        BidsCorpus(tmp_path).recordings()


def test_a_file_of_another_subject_is_left_out_and_the_others_stay(tree):
    _add(tree, "sub-03/ses-01/eeg/sub-02_ses-01_task-szMonitoring_run-09")
    corpus = BidsCorpus(tree)
    misplaced = next(r for r in corpus.recordings() if r.stem.endswith("run-09"))
    with pytest.raises(AnnotationError, match="does not begin with the subject of its folder"):
        corpus.events(misplaced)
    assert corpus.events(corpus.recordings()[0]) == ()


def test_only_the_eeg_of_the_tree_itself_is_taken(tree):
    before = BidsCorpus(tree).recordings()
    for place in ("sourcedata/sub-00/eeg/sub-00_task-a", ".git/annex/sub-00/eeg/sub-00_task-b",
                  "sub-00/ses-01/ecg/sub-00_ses-01_task-c"):  # fmt: skip
        _add(tree, place)
    (tree / "sub-00/ses-01/eeg/sub-00_ses-01_task-szMonitoring_run-00_eeg.json").touch()
    assert BidsCorpus(tree).recordings() == before


def test_eeg_in_another_format_is_left_out_by_name_and_a_dangling_link_is_kept(tree):
    _add(tree, "sub-04/eeg/sub-04_task-b", suffix=".vhdr")
    (tree / "sub-04/eeg/sub-04_task-c_eeg.edf").symlink_to(tree / "not-fetched")
    found = {r.stem: r for r in BidsCorpus(tree).recordings()}
    assert len(found) == 11
    assert "sub-04_task-c" in found
    found["sub-04_task-b"].edf.write_text("Brain Vision Data Exchange Header File Version 1.0")
    with pytest.raises(UnreadableRecording, match="not an EDF or BDF file: found b'Brain Vi'"):
        read_edf(found["sub-04_task-b"].edf)
