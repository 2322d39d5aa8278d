"""The verb that makes corpora: hours and patients hold, bits do not depend on processes."""

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seizure import simulate
from seizure.cli.command import load
from seizure.config import PrepareConfig
from seizure.corpus.synthetic import corpus
from seizure.corpus.synthetic.annotation_file import read_truth
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.edf import read_edf
from seizure.schema import ConfigError

TINY = ("hours=0.3", "patients=5", "seed=3")


def contents(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "corpus"
    simulate.main(load("simulate", simulate.SimulateConfig, [f"out={root}", *TINY, "jobs=1"]))
    return root


def test_hours_and_patients_lie_in_the_folder(made):
    recordings = TuszCorpus(made).recordings()
    assert len({recording.patient for recording in recordings}) == 5
    assert {recording.split for recording in recordings} == {"train", "dev", "eval"}
    seconds = sum(read_edf(recording.edf).duration_s for recording in recordings)
    assert seconds == pytest.approx(0.3 * 3600, abs=2)


def test_two_processes_write_the_bits_of_one_and_say_what_is_there(made, tmp_path, command):
    ended = command(simulate.VERB, f"out={tmp_path / 'two'}", *TINY, "jobs=2")
    assert ended.code == 0
    assert contents(tmp_path / "two") == contents(made)
    n_seizures = sum(
        event.origin == "seizure"
        for path in made.rglob("*.truth.json")
        for event in read_truth(path)
    )
    rows = [line.split()[1:] for line in ended.out.splitlines()]
    said = {row[0]: row[1:] for row in rows if row[1:] and row[1].isdigit() and "h" not in row}
    assert set(said) == {"train", "dev", "eval"}
    assert sum(int(row[0]) for row in said.values()) == 5
    assert sum(int(row[3]) for row in said.values()) == n_seizures > 0


def test_the_command_that_it_names_reads_the_corpus_as_synthetic(made, tmp_path, command):
    root = tmp_path / "with a space"
    shutil.copytree(made, root)
    ended = command(simulate.VERB, f"out={root}", *TINY)
    _, named = ended.out.split("train on it: python -m seizure.train ")
    read = load("prepare", PrepareConfig, shlex.split(named)).corpus
    assert (read.name, read.root) == ("synthetic", root)
    assert read.spec == load("simulate", simulate.SimulateConfig, [f"out={root}", *TINY]).spec


def test_another_spec_is_refused_with_what_differs(made, command):
    before = contents(made)
    ended = command(simulate.VERB, f"out={made}", *TINY[:2], "seed=4", "difficulty=hard")
    assert ended.code == 2
    assert "difficulty is 'medium' there and 'hard' here" in ended.err
    assert "seed is 3 there and 4 here" in ended.err
    assert contents(made) == before


def test_a_folder_that_is_a_file_is_refused(tmp_path, command):
    (tmp_path / "taken").write_text("mine")
    ended = command(simulate.VERB, f"out={tmp_path / 'taken'}", *TINY)
    assert (ended.code, (tmp_path / "taken").read_text()) == (2, "mine")
    assert "is a file" in ended.err


@pytest.mark.parametrize("out", ["", "."])
def test_a_folder_with_other_files_is_refused(tmp_path, monkeypatch, command, out):
    """`out=$DIR` with an unset variable means the working folder."""
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    ended = command(simulate.VERB, f"out={out}", *TINY)
    assert ended.code == 2
    assert f"{tmp_path} holds other files (notes.txt)" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_disk_that_is_full_is_said(tmp_path, monkeypatch, command):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(corpus, "write_edf", full)
    ended = command(simulate.VERB, f"out={tmp_path / 'full'}", *TINY, "jobs=1")
    assert ended.code == 2
    assert f"out: {tmp_path / 'full'} cannot be written (No space left on device)" in ended.err


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("houres=3", "nearest known key is 'hours'"),
        ("difficulty=harder", "'easy', 'medium' or 'hard'"),
        ("hours=0", "hours must be above 0"),
        ("patients=2", "patients must be at least 3"),
        ("patients=5000", "at least a minute each"),
        ("share.train=0.9", "whose sum is 1"),
        ("jobs=0", "jobs must be at least 1"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(tmp_path, command, override, said):
    ended = command(simulate.VERB, f"out={tmp_path / 'new'}", override)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "new").exists()


def test_a_folder_has_to_be_named():
    with pytest.raises(ConfigError, match="out: no value"):
        load("simulate", simulate.SimulateConfig)


def test_a_split_without_a_share_is_left_out(tmp_path, command):
    shares = ("share.train=0", "share.dev=0", "share.eval=1")
    ended = command(simulate.VERB, f"out={tmp_path / 'eval'}", "hours=0.1", "patients=2", *shares)
    assert ended.code == 0
    assert {one.split for one in TuszCorpus(tmp_path / "eval").recordings()} == {"eval"}


def test_the_command_needs_neither_torch_nor_mne():
    told = "import sys, seizure.simulate; print({'torch', 'lightning', 'mne'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


KILLED_WHILE_IT_WRITES = """
import os, signal, sys
from seizure import simulate
from seizure.cli.command import load
from seizure.corpus.synthetic import corpus

def dies_at_the_third(path, recording, write=corpus.write_edf, calls=[]):
    calls.append(path)
    if len(calls) == 3:
        path.with_name(f".{path.name}.part").write_bytes(b"half a header")
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, recording)

corpus.write_edf = dies_at_the_third
simulate.main(load("simulate", simulate.SimulateConfig, sys.argv[1:]))
"""


def test_a_killed_command_continues_to_the_same_bits(made, tmp_path, command):
    arguments = [f"out={tmp_path / 'killed'}", *TINY, "jobs=1"]
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_WRITES, *arguments])
    assert killed.returncode == -signal.SIGKILL
    marker = json.loads((tmp_path / "killed" / "corpus.json").read_text())
    assert marker["finished"] is False
    assert len(list((tmp_path / "killed").rglob("*.edf"))) == 2
    assert command(simulate.VERB, *arguments).code == 0
    assert contents(tmp_path / "killed") == contents(made)
