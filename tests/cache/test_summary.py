"""What the table counts is what is in the cache, and every recording is counted once."""

import json

import pytest

from seizure.cache.build import build_cache
from seizure.cache.summary import as_json, summarise, table
from seizure.cache.workers import Workers
from seizure.eeg.filtering import Preprocessing


@pytest.fixture
def built(corpus, tmp_path, write_recording):
    """20 + 12 + 20 s in train, 20 s in dev; the only recording of eval cannot be read."""
    recordings = corpus.recordings()
    rows = "TERM,1.0,4.0,seiz,1\nTERM,3.0,6.0,seiz,1\n"
    write_recording(corpus.root, "dev", "aaaaaaac", rate_hz=400, rows=rows)
    typed = recordings[0].annotation.read_text().replace("TERM", "FP1-F7").replace("seiz", "absz")
    recordings[0].annotation.with_suffix(".csv").write_text(typed)
    recordings[4].edf.write_text("not an EDF")
    return build_cache(corpus, tmp_path / "cache", Preprocessing(), Workers(jobs=1))


def test_it_counts_each_split_and_all(built):
    train, dev, evaluation, everything = summarise(built)
    assert [s.split for s in summarise(built)] == ["train", "dev", "eval", "all"]
    assert (train.n_patients, train.n_recordings, train.n_left_out) == (2, 3, 0)
    assert train.hours * 3600 == pytest.approx(52)
    assert train.n_seizures == {"absz": 1, "seiz": 1}
    assert train.seizure_hours * 3600 == pytest.approx(8)
    # Two annotations that overlap are two seizures, but their time counts once.
    assert dev.n_seizures == {"seiz": 2}
    assert dev.seizure_hours * 3600 == pytest.approx(5)
    assert (evaluation.n_recordings, evaluation.n_left_out, evaluation.hours) == (0, 1, 0)
    assert everything.n_recordings + everything.n_left_out == 5
    assert everything.n_bytes == built.index.size_bytes.sum()
    assert everything.n_seizures == {"absz": 1, "seiz": 3}


def test_the_table_says_the_same(built):
    lines = table(summarise(built))
    assert len({len(line) for line in lines[:5]}) == 1
    assert lines[1].split() == ["train", "2", "3", "0", "0.01", "2", "0.002", lines[1].split()[-1]]
    assert lines[5].split() == ["seizures", "of", "type", "train", "dev", "eval", "all"]
    assert [line.split() for line in lines[6:]] == [
        ["seiz", "1", "2", "0", "3"],
        ["absz", "1", "0", "0", "1"],
    ]


def test_the_file_says_the_same_and_names_what_was_left_out(built):
    content = json.loads(json.dumps(as_json(built, minutes=1.5)))
    assert [split["n_recordings"] for split in content["splits"]] == [3, 1, 0, 4]
    assert content["minutes"] == 1.5
    assert (content["prepared_now"], content["as_they_were"]) == (4, 0)
    (left_out,) = content["left_out"]
    assert (left_out["stem"], left_out["split"]) == ("aaaaaaad_s001_t000", "eval")
    assert left_out["path"].endswith("aaaaaaad_s001_t000.edf")
    assert "not an EDF" in left_out["reason"]
