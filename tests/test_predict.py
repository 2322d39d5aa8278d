"""Predicting files: the same events as scoring gives, a pair of files each, failures by name."""

import gzip
import os
import shutil
from dataclasses import replace
from pathlib import Path

import edfio
import numpy as np
import pytest
from torch import nn

from seizure import build, evaluate, predict
from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import STATISTICS
from seizure.corpus.entry import CorpusRecording
from seizure.eeg.annotation import read_csv_bi
from seizure.eeg.channels import CANONICAL_19
from seizure.learning.inference import track_of
from seizure.prepare import prepare_corpus
from seizure.train import datamodule

DATA = Path(__file__).parents[2] / "shared" / "data"
HELSINKI = DATA / "helsinki_neonatal_30s" / "edf"
CHB = DATA / "chb01_03_crop"


def checkpoint_of(trained):
    return trained / "checkpoints" / "best.ckpt"


def written_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def pairs_of(names):
    return {f"{name}{suffix}" for name in names for suffix in (".csv_bi", ".tsv")}


@pytest.fixture
def predicted(trained, tmp_path, command):
    """Predicts a file or folder; what happened, and the folder of what was written."""

    def start(source, *more):
        output = tmp_path / "predictions"
        ended = command(
            predict.VERB,
            f"input={source}",
            f"checkpoint={checkpoint_of(trained)}",
            f"output={output}",
            "accelerator=cpu",
            *more,
        )
        return ended, output

    return start


@pytest.fixture
def eval_edfs(quick, trained):
    return sorted((quick.corpus / "edf" / "eval").rglob("*.edf"))


def test_the_track_of_a_file_is_the_track_that_scoring_gives(quick, trained, eval_edfs, tmp_path):
    config = quick.config("run=trained")
    corpus = prepare_corpus(config.corpus, config.preprocess, config.paths.cache, config.prepare)
    module, stored = build.module_from(checkpoint_of(trained))
    scored = evaluate.recordings_of(
        build.scoring_trainer("cpu"), module, datamodule(config, corpus), "eval", tmp_path
    )
    module.eval()
    tracks = {recording.stem: recording.track for recording in scored}
    assert len(tracks) == len(eval_edfs)
    for edf in eval_edfs:
        unannotated = CorpusRecording(edf.stem, edf.stem, "", "eval", edf, annotation=None)
        prepared = prepare_recording(unannotated, (), stored.preprocess)
        track = track_of(module, prepared, stored.windows, edf.stem)
        expected = tracks[edf.stem]
        assert track.duration_s == expected.duration_s
        # Batches are cut elsewhere, which may round differently in the last place.
        np.testing.assert_allclose(track.probability, expected.probability, rtol=0, atol=1e-6)


def test_predicting_the_eval_files_gives_the_events_of_the_training_s_report(
    trained, eval_edfs, predicted
):
    for edf in eval_edfs:
        ended, output = predicted(edf)
        assert ended.code == 0
    for name in pairs_of([edf.stem for edf in eval_edfs]):
        assert (output / name).read_bytes() == (trained / "events" / name).read_bytes()


def test_a_lower_threshold_finds_more_and_is_said(quick, trained, eval_edfs, predicted):
    ended, output = predicted(eval_edfs[0], "on_threshold=0.0001")
    assert ended.code == 0
    assert "at threshold 0.000" in ended.out
    events = read_csv_bi(output / f"{eval_edfs[0].stem}.csv_bi").events
    assert len(events) == 1
    assert events[0].start_s == 0


def test_a_folder_keeps_its_folders_in_the_output(trained, eval_edfs, predicted, tmp_path):
    for ward, edf in zip(("a", "b/c"), eval_edfs, strict=False):
        (tmp_path / "clinic" / ward).mkdir(parents=True)
        # The same file name twice, and a suffix in capitals.
        shutil.copy(edf, tmp_path / "clinic" / ward / "night.EDF")
    ended, output = predicted(tmp_path / "clinic")
    assert ended.code == 0
    assert written_below(output) == pairs_of(["a/night", "b/c/night"])
    assert "2 of 2 recordings predicted" in ended.out


def test_without_an_operating_point_a_threshold_must_be_given(
    trained, eval_edfs, tmp_path, command
):
    alone = tmp_path / "alone.ckpt"
    shutil.copy(checkpoint_of(trained), alone)
    arguments = [
        f"input={eval_edfs[0]}",
        f"checkpoint={alone}",
        f"output={tmp_path / 'out'}",
        "accelerator=cpu",
    ]
    ended = command(predict.VERB, *arguments)
    assert ended.code == 2
    assert "give on_threshold=" in ended.err
    assert command(predict.VERB, *arguments, "on_threshold=0.5").code == 0


@pytest.mark.parametrize(("threshold", "code"), [("0", 2), ("1.5", 2), ("much", 2)])
def test_an_impossible_threshold_is_refused(trained, eval_edfs, predicted, threshold, code):
    ended, _ = predicted(eval_edfs[0], f"on_threshold={threshold}")
    assert ended.code == code
    assert "on_threshold" in ended.err


def test_an_input_without_edf_files_is_refused(predicted, tmp_path):
    (tmp_path / "empty").mkdir()
    ended, _ = predicted(tmp_path / "empty")
    assert ended.code == 2
    assert "no .edf file in" in ended.err
    ended, _ = predicted(tmp_path / "nowhere")
    assert ended.code == 2
    assert "neither a file nor a folder" in ended.err


@pytest.mark.skipif(not HELSINKI.is_dir(), reason=f"no real EEG in {HELSINKI}")
def test_every_real_clip_gets_its_two_files(predicted):
    ended, output = predicted(HELSINKI)
    clips = sorted(HELSINKI.glob("*.edf"))
    assert ended.code == 0, ended.out
    assert written_below(output) == pairs_of([clip.stem for clip in clips])
    for clip in clips:
        assert read_csv_bi(output / f"{clip.stem}.csv_bi").duration_s == pytest.approx(30, abs=0.01)
        header, *rows = (output / f"{clip.stem}.tsv").read_text(encoding="utf-8").splitlines()
        assert header.startswith("onset\tduration\teventType")
        assert rows


@pytest.mark.skipif(not (HELSINKI.is_dir() and CHB.is_dir()), reason=f"no real EEG in {DATA}")
def test_files_that_cannot_be_read_are_named_and_the_others_are_written(predicted, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    good = sorted(HELSINKI.glob("*.edf"))[0]
    shutil.copy(good, mixed)
    bipolar = sorted(CHB.glob("*.edf"))[0]
    shutil.copy(bipolar, mixed)
    (mixed / "letter.edf").write_text("this is a letter, not an EEG\n", encoding="utf-8")
    ended, output = predicted(mixed)
    assert ended.code == 1
    failed = {line.split("failed: ")[1] for line in ended.out.splitlines() if "failed: " in line}
    reasons = {Path(line.split(": ")[0]).name: line for line in failed}
    assert set(reasons) == {"letter.edf", bipolar.name}
    assert "not an EDF" in reasons["letter.edf"]
    assert "bipolar derivations" in reasons[bipolar.name]
    assert written_below(output) == pairs_of([good.stem])
    assert "1 of 3 recordings predicted" in ended.out


def test_every_name_and_format_is_predicted_and_what_cannot_be_is_said(predicted, tmp_path):
    clinic = tmp_path / "clinic"
    clinic.mkdir()
    rng = np.random.default_rng(0)

    def write(name, rate_hz, labels=CANONICAL_19):
        signals = [
            edfio.EdfSignal(rng.normal(0, 20, 30 * rate_hz), rate_hz, label=label,
                            physical_dimension="uV")
            for label in labels
        ]  # fmt: skip
        edfio.Edf(signals).write(clinic / name)
        return clinic / name

    sound = write("a.edf", 256)
    (clinic / os.fsdecode(b"Ren\xe9.edf")).write_bytes(sound.read_bytes())
    (clinic / "packed.edf.gz").write_bytes(gzip.compress(sound.read_bytes()))
    (clinic / "cut.edf").write_bytes(sound.read_bytes()[:-100])
    (clinic / "folder.edf").mkdir()
    (clinic / "gone.edf").symlink_to("nowhere.edf")
    write("slow.edf", 200)
    write("no_fz.edf", 256, [name for name in CANONICAL_19 if name != "Fz"])
    ended, output = predicted(clinic)
    assert ended.code == 1
    assert written_below(output) == pairs_of(["a", r"Ren\xe9", "packed", "cut", "no_fz"])
    assert "failed: " + str(clinic / "gone.edf") + ": cannot be opened" in ended.out
    assert "slow.edf: found a source at 200 Hz" in ended.out
    assert "no_fz.edf: interpolated: Fz" in ended.out
    assert "cut.edf: truncated: 30 records announced, 29 complete ones" in ended.out
    assert "5 of 7 recordings predicted" in ended.out


def test_two_files_never_write_one_output(predicted, tmp_path):
    for name in ("a.edf", "a.bdf"):
        (tmp_path / name).touch()
    ended, _ = predicted(tmp_path)
    assert ended.code == 2
    assert "would both be written as a.csv_bi" in ended.err


@pytest.fixture
def complete_and_lacking(tmp_path):
    """The same minute of EEG, with all electrodes and without two."""
    rng = np.random.default_rng(1)
    signals_uv = rng.normal(0, 20, (19, 60 * 256))

    def write(name, absent):
        signals = [
            edfio.EdfSignal(signal_uv, 256, label=label, physical_dimension="uV",
                            physical_range=(-200, 200))
            for label, signal_uv in zip(CANONICAL_19, signals_uv, strict=True)
            if label not in absent
        ]  # fmt: skip
        edfio.Edf(signals).write(tmp_path / name)
        return tmp_path / name

    return write("complete.edf", ()), write("lacking.edf", ("T4", "Fz"))


def test_a_masked_electrode_takes_no_part_in_what_is_predicted(
    trained, predicted, complete_and_lacking
):
    complete, lacking = complete_and_lacking
    kept = [name for name in CANONICAL_19 if name not in ("T4", "Fz")]
    module, config = build.module_from(checkpoint_of(trained))

    def prepared(edf, **changes):
        entry = CorpusRecording(edf.stem, edf.stem, "", "eval", edf, annotation=None)
        return prepare_recording(entry, (), replace(config.preprocess, **changes))

    masked = prepared(lacking, missing="mask")
    assert masked.meta["masked"] == ["Fz", "T4"]
    found = track_of(module, masked, config.windows, "lacking").probability
    # The rows of the recording with all electrodes, read by a detector for those rows.
    module.network = module.network.for_channels(kept)
    rows = [CANONICAL_19.index(name) for name in kept]
    whole = prepared(complete)
    of_whole = {name: getattr(whole, name)[rows] for name in ("signal", *STATISTICS)}
    of_whole["meta"] = whole.meta | {"channel_names": kept}
    expected = track_of(module, replace(whole, **of_whole), config.windows, "complete").probability
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    estimated = prepared(lacking, missing="interpolate")
    filled = track_of(build.module_from(checkpoint_of(trained))[0], estimated, config.windows, "x")
    assert np.abs(filled.probability - expected).max() > 1e-4


def test_missing_electrodes_are_masked_on_request_and_said(predicted, complete_and_lacking):
    _, lacking = complete_and_lacking
    ended, _ = predicted(lacking)
    assert ended.code == 1
    assert "missing electrodes" in ended.out
    ended, output = predicted(lacking, "missing=mask")
    assert ended.code == 0, ended.err
    assert "lacking.edf: masked: Fz, T4" in ended.out
    assert written_below(output) == pairs_of(["lacking"])


def test_a_detector_that_mixes_electrodes_is_refused_before_any_file(
    predicted, complete_and_lacking, monkeypatch
):
    module_from = build.module_from

    def mixing(checkpoint):
        module, config = module_from(checkpoint)
        module.network = nn.Identity()
        return module, config

    monkeypatch.setattr(build, "module_from", mixing)
    ended, output = predicted(complete_and_lacking[0], "missing=mask")
    assert ended.code == 2
    assert "missing=mask: Identity mixes all electrodes" in ended.err
    assert not output.exists()
