"""Scoring a checkpoint: the same numbers every time, at a threshold that stays as it was chosen."""

import json
import shutil

import numpy as np
import pytest

from seizure import build, evaluate
from seizure.cache.build import cache_folder
from seizure.cli.command import load
from seizure.config import EvaluateConfig
from seizure.eeg.annotation import read_csv_bi
from seizure.events.track_file import read_track
from seizure.schema import ConfigError
from seizure.scoring.operating_point import read_choice


def paths(quick):
    return [o for o in quick.paths() if not o.startswith("paths.runs")]


def config_of(quick, output, *more):
    given = [f"output={output}", *paths(quick), "accelerator=cpu", *more]
    return load("evaluate", EvaluateConfig, given)


def config_for(quick, checkpoint, output, *more):
    return config_of(quick, output, f"checkpoint={checkpoint}", *more)


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_two_evaluations_and_the_training_s_own_are_the_same_byte_for_byte(
    quick, trained, tmp_path
):
    best = trained / "checkpoints" / "best.ckpt"
    for name in ("one", "two"):
        assert evaluate.main(config_for(quick, best, tmp_path / name)) == 0
    for name in ("one", "two"):
        assert (tmp_path / name / "scores.json").read_bytes() == (
            trained / "scores.json"
        ).read_bytes()
        for inside in ("events", "tracks"):
            assert content_of(tmp_path / name / inside) == content_of(trained / inside)
    one, two = (content_of(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert {"report.md", "report.html", "curve.png", "patients.png", "seizure.png"} <= set(one)


def test_other_batches_change_no_more_than_the_last_bits(quick, trained, tmp_path):
    best = trained / "checkpoints" / "best.ckpt"
    assert evaluate.main(config_for(quick, best, tmp_path / "one", "batch_size=3")) == 0
    for path in (trained / "tracks").glob("*.npz"):
        expected, found = read_track(path), read_track(tmp_path / "one" / "tracks" / path.name)
        np.testing.assert_allclose(found.probability, expected.probability, atol=1e-6)


def test_saved_tracks_give_the_same_bytes_without_a_model(quick, trained, tmp_path, monkeypatch):
    best = trained / "checkpoints" / "best.ckpt"
    evaluate.main(config_for(quick, best, tmp_path / "one"))

    def refuse(*_):
        raise AssertionError("a model was asked for")

    monkeypatch.setattr(evaluate.build, "module_from", refuse)
    tracks = tmp_path / "one" / "tracks"
    assert evaluate.main(config_of(quick, tmp_path / "two", f"tracks={tracks}")) == 0
    assert content_of(tmp_path / "two") == content_of(tmp_path / "one")
    assert content_of(tmp_path / "two" / "events") == content_of(tmp_path / "one" / "events")


def test_a_run_is_compared_with_another_on_the_same_recordings(quick, trained, tmp_path, command):
    tracks = f"tracks={trained / 'tracks'}"
    ended = command(
        evaluate.VERB, tracks, f"versus={trained}", f"output={tmp_path / 'out'}", *paths(quick)
    )
    assert ended.code == 0
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "## Compared with trained" in text
    assert "| +0.000 | 0.000 to 0.000 |" in text


def test_tracks_of_another_split_or_corpus_are_refused(quick, trained, tmp_path, command):
    shutil.copytree(trained / "tracks", tmp_path / "tracks")
    given = [f"tracks={tmp_path / 'tracks'}", f"output={tmp_path / 'out'}", *paths(quick)]
    ended = command(evaluate.VERB, *given, "split=dev")
    assert ended.code == 2
    assert "holds tracks of eval, expected dev" in ended.err
    next((tmp_path / "tracks").glob("*.npz")).unlink()
    ended = command(evaluate.VERB, *given)
    assert ended.code == 2
    assert "evaluate the checkpoint again" in ended.err
    ended = command(evaluate.VERB, f"tracks={tmp_path}", *paths(quick))
    assert ended.code == 2
    assert "no detector.json" in ended.err


def test_either_a_checkpoint_or_tracks_must_be_given(quick, command):
    for given in ([], ["checkpoint=a.ckpt", "tracks=b"]):
        ended = command(evaluate.VERB, *given, *paths(quick))
        assert ended.code == 2
        assert "give either checkpoint=" in ended.err


def test_the_temperature_of_dev_is_kept_and_stated(quick, trained, tmp_path):
    kept = build.kept_temperature(trained / "checkpoints" / "best.ckpt")
    assert kept is not None
    assert f"Log-odds divided by {kept:.3f}" in (trained / "report.md").read_text(encoding="utf-8")
    moved = tmp_path / "best.ckpt"
    for suffix in (".ckpt", ".operating_point.json"):
        source = trained / "checkpoints" / f"best{suffix}"
        shutil.copy(source, moved.with_suffix(suffix))
    evaluate.main(config_for(quick, moved, tmp_path / "out"))
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "No temperature is kept with this detector" in text


def test_by_default_the_report_lies_in_the_run_s_folder(quick, trained, command):
    shutil.copytree(trained, quick.runs / "copied")
    best = quick.runs / "copied" / "checkpoints" / "best.ckpt"
    ended = command(evaluate.VERB, f"checkpoint={best}", *paths(quick), "split=dev")
    assert ended.code == 0
    report = quick.runs / "copied" / "evaluation-synthetic-dev" / "report.html"
    assert report.is_file()
    assert f"report {report}" in ended.out
    assert "dev (synthetic EEG)" in ended.out
    # What the training reported stays.
    assert (quick.runs / "copied" / "scores.json").read_bytes() == (
        trained / "scores.json"
    ).read_bytes()


def test_the_operating_point_comes_from_dev_and_is_not_chosen_again(quick, trained, tmp_path):
    kept = trained / "checkpoints" / "best.operating_point.json"
    before = kept.read_bytes()
    assert read_choice(kept).chosen_on == "dev"
    best = trained / "checkpoints" / "best.ckpt"
    for split in ("eval", "train"):
        evaluate.main(config_for(quick, best, tmp_path / split, f"split={split}"))
        assert kept.read_bytes() == before
        text = (tmp_path / split / "report.md").read_text(encoding="utf-8")
        assert read_choice(kept).fingerprint in text


def test_a_checkpoint_alone_is_enough_and_gets_the_same_operating_point(quick, trained, tmp_path):
    moved = tmp_path / "elsewhere" / "detector.ckpt"
    moved.parent.mkdir()
    shutil.copy(trained / "checkpoints" / "best.ckpt", moved)
    assert evaluate.main(config_for(quick, moved, tmp_path / "out")) == 0
    assert (tmp_path / "out" / "scores.json").read_bytes() == (trained / "scores.json").read_bytes()
    assert (moved.parent / "detector.operating_point.json").read_bytes() == (
        trained / "checkpoints" / "best.operating_point.json"
    ).read_bytes()


def test_an_edited_operating_point_is_refused(quick, trained, tmp_path, command):
    shutil.copytree(trained / "checkpoints", tmp_path / "checkpoints")
    kept = tmp_path / "checkpoints" / "best.operating_point.json"
    content = json.loads(kept.read_text(encoding="utf-8"))
    content["settings"]["on_threshold"] = 0.01
    kept.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="choose the operating point again"):
        evaluate.main(config_for(quick, kept.with_name("best.ckpt"), tmp_path / "out"))


def test_every_event_file_covers_its_recording(quick, trained):
    preprocess = quick.config().preprocess
    folder = cache_folder(quick.folder / "data" / "cache", quick.corpus.name, preprocess)
    index = evaluate.prepare_corpus(
        quick.config().corpus, preprocess, quick.folder / "data" / "cache", quick.config().prepare
    ).index
    assert folder.is_dir()
    for row in index.rows("eval").tolist():
        written = read_csv_bi(trained / "events" / f"{index.stem[row]}.csv_bi")
        assert written.duration_s == pytest.approx(index.n_samples[row] / index.rate_hz, abs=1e-3)


@pytest.mark.parametrize("content", [b"", b"a letter, not a checkpoint\n", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_checkpoint_is_refused_by_name(content, tmp_path):
    path = tmp_path / "letter.ckpt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"letter\.ckpt"):
        build.module_from(path)


def test_a_missing_checkpoint_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"no file .*none\.ckpt"):
        build.module_from(tmp_path / "none.ckpt")
