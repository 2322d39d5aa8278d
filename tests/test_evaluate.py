"""Scoring a checkpoint: the same numbers every time, at a threshold that stays as it was chosen."""

import json
import shutil

import pytest

from seizure import build, evaluate
from seizure.cache.build import cache_folder
from seizure.command import load
from seizure.config import EvaluateConfig
from seizure.eeg.annotation import read_csv_bi
from seizure.schema import ConfigError
from seizure.scoring.operating_point import read_choice


def config_for(quick, checkpoint, output, *more):
    return load(
        "evaluate",
        EvaluateConfig,
        [
            f"checkpoint={checkpoint}",
            f"output={output}",
            *[o for o in quick.paths() if not o.startswith("paths.runs")],
            "accelerator=cpu",
            *more,
        ],
    )


def test_two_evaluations_and_the_training_s_own_are_the_same_byte_for_byte(
    quick, trained, tmp_path
):
    best = trained / "checkpoints" / "best.ckpt"
    for name in ("one", "two"):
        assert evaluate.main(config_for(quick, best, tmp_path / name)) == 0
    expected = {path.name: path.read_bytes() for path in (trained / "events").iterdir()}
    for name in ("one", "two"):
        assert (tmp_path / name / "scores.json").read_bytes() == (
            trained / "scores.json"
        ).read_bytes()
        found = {path.name: path.read_bytes() for path in (tmp_path / name / "events").iterdir()}
        assert found == expected
        assert (tmp_path / name / "report.md").stat().st_size > 0


def test_by_default_the_report_lies_in_the_run_s_folder(quick, trained, command):
    shutil.copytree(trained, quick.runs / "copied")
    best = quick.runs / "copied" / "checkpoints" / "best.ckpt"
    paths = [o for o in quick.paths() if not o.startswith("paths.runs")]
    ended = command(evaluate.VERB, f"checkpoint={best}", *paths, "split=dev")
    assert ended.code == 0
    report = quick.runs / "copied" / "evaluation-synthetic-dev" / "report.md"
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
