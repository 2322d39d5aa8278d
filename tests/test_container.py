"""The container's entry point, without Docker: the benchmark's names, files, header and silence."""

import os
import re
import shutil
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
import pytest

from seizure import container, export
from seizure.eeg.annotation_tsv import read_events_table
from seizure.eeg.channels import CANONICAL_19
from seizure.schema import ConfigError

ROOT = Path(__file__).parents[1]
HEADER = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration"


@pytest.fixture(scope="module")
def detector(trained, tmp_path_factory):
    """The trained detector as one file, as the image holds it."""
    output = tmp_path_factory.mktemp("app") / "detector.safetensors"
    export.main(export.ExportConfig(trained / "checkpoints" / "best.ckpt", output))
    return output


@pytest.fixture
def mounted(tmp_path):
    """/data with a minute of EEG as the benchmark gives it, /output with the file it makes."""
    data, output = tmp_path / "data", tmp_path / "output"
    data.mkdir()
    output.mkdir()
    (output / "tmp.tsv").touch()
    rng = np.random.default_rng(0)
    signals = [
        edfio.EdfSignal(rng.normal(0, 20, 60 * 256), 256, label=f"{name}-Avg",
                        physical_dimension="uV", physical_range=(-200, 200))
        for name in CANONICAL_19
    ]  # fmt: skip
    edfio.Edf(signals, starttime=datetime(2026, 1, 2, 3, 4, 5).time()).write(data / "tmp.edf")
    return data, output


NAMES = {"INPUT": "tmp.edf", "OUTPUT": "tmp.tsv"}


def rows_of(path):
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    assert header == HEADER
    return [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]


def test_the_program_of_the_image_writes_the_table_of_the_benchmark(detector, mounted):
    data, output = mounted
    done = subprocess.run(
        [sys.executable, "-m", "seizure.container", str(detector),
         "--data", str(data), "--output", str(output)],
        env={**os.environ, **NAMES, "HOME": "/nonexistent"},
        capture_output=True, text=True, cwd=output.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for row in rows_of(output / "tmp.tsv"):
        assert row["eventType"] == "bckg" or row["eventType"].startswith("sz")
        assert row["recordingDuration"] == "60.0000"
        datetime.strptime(row["dateTime"], "%Y-%m-%d %H:%M:%S")
    assert {path.name for path in output.iterdir()} == {"tmp.tsv"}


def test_the_given_file_is_filled_in_place_and_nothing_else_is_made(detector, mounted):
    data, output = mounted
    before = (output / "tmp.tsv").stat().st_ino
    written = container.predict_one(NAMES, detector, data, output)
    assert written.stat().st_ino == before
    assert [path.name for path in output.iterdir()] == ["tmp.tsv"]


@pytest.mark.parametrize(("threshold", "kind"), [(1.0, "bckg"), (1e-6, "sz")])
def test_silence_is_one_row_of_background_as_long_as_the_recording(
    detector, mounted, monkeypatch, threshold, kind
):
    load = container.load_detector
    monkeypatch.setattr(
        container, "load_detector", lambda path, accelerator: load(path, threshold, accelerator)
    )
    written = container.predict_one(NAMES, detector, *mounted)
    (row,) = rows_of(written)
    assert (row["eventType"], row["onset"]) == (kind, "0.0000")
    assert row["duration"] == row["recordingDuration"] == "60.0000"
    assert read_events_table(written).duration_s == 60.0


def test_nothing_is_asked_of_a_network(detector, mounted, monkeypatch):
    def refuse(*_):
        raise AssertionError("the container has no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    container.predict_one(NAMES, detector, *mounted)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"OUTPUT": "a.tsv"}, "INPUT: not in the environment"),
        ({"INPUT": "", "OUTPUT": ""}, "INPUT and OUTPUT: not in the environment"),
    ],
)
def test_a_name_that_is_missing_is_said(detector, mounted, names, said):
    with pytest.raises(ConfigError, match=said):
        container.predict_one(names, detector, *mounted)


def test_eeg_that_cannot_be_read_fails_and_writes_no_silence(
    detector, mounted, monkeypatch, capsys
):
    data, output = mounted
    arguments = [str(detector), "--data", str(data), "--output", str(output)]
    (data / "letter.edf").write_text("no EEG")
    monkeypatch.setenv("OUTPUT", "tmp.tsv")
    for name, said in (("letter.edf", "not an EDF"), ("gone.edf", "cannot be opened")):
        monkeypatch.setenv("INPUT", name)
        assert container.main(arguments) == 1
        assert said in capsys.readouterr().err
    assert (output / "tmp.tsv").read_text() == ""


def test_a_recording_in_a_folder_is_found_and_its_folder_made(detector, mounted):
    data, output = mounted
    (data / "sub-01").mkdir()
    shutil.move(data / "tmp.edf", data / "sub-01" / "a_eeg.edf")
    names = {"INPUT": "sub-01/a_eeg.edf", "OUTPUT": "sub-01/a_events.tsv"}
    assert rows_of(container.predict_one(names, detector, data, output))


def test_the_dockerfile_copies_what_there_is_and_runs_what_is_tested():
    text = (ROOT / "container" / "Dockerfile").read_text()
    instructions = dict(re.findall(r"^(FROM|USER|CMD) (.+)$", text, re.MULTILINE))
    assert instructions["USER"] not in ("root", "0")
    assert '"seizure.container", "/app/detector.safetensors"' in instructions["CMD"]
    sources = [
        s for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for s in line.split()
    ]
    assert "submission/detector.safetensors" in sources
    allowed = (ROOT / "container" / "Dockerfile.dockerignore").read_text()
    for source in sources:
        assert f"!{source.split('/')[0]}\n" in allowed
        assert source.startswith("submission/") or (ROOT / source).exists()
    assert text.index("\nUSER ") > text.rindex("\nRUN ")
