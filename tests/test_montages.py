"""A run in each montage goes through every verb, and its checkpoint keeps to that montage."""

import edfio
import numpy as np
import pytest

from seizure import evaluate, predict, train
from seizure.cache.index import CacheIndex
from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19
from seizure.eeg.montage import channels_of


def _write(path, names, rate_hz=256):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(names))
    edfio.Edf(
        [
            edfio.EdfSignal(rng.normal(0, 20, 30 * rate_hz), rate_hz, label=n)
            if n == "ECG"
            else edfio.EdfSignal(
                rng.normal(0, 20, 30 * rate_hz), rate_hz, label=n, physical_dimension="uV"
            )
            for n in names
        ]
    ).write(path)
    return path


@pytest.fixture
def in_montage(quick, command):
    """Trains once in a montage; the checkpoint."""

    def run(montage, model="pico"):
        name = f"{model}-{montage}"
        ended = command(
            train.VERB, *quick.overrides(f"run={name}", f"model={model}", f"preprocess={montage}")
        )
        assert ended.code == 0, ended.err
        return quick.runs / name / "checkpoints" / "best.ckpt"

    return run


@pytest.mark.parametrize("montage", ["average", "bipolar"])
def test_a_run_in_a_montage_is_trained_evaluated_and_predicts(
    quick, in_montage, command, tmp_path, montage
):
    checkpoint = in_montage(montage)
    ended = command(
        evaluate.VERB,
        f"checkpoint={checkpoint}",
        f"output={tmp_path / 'evaluation'}",
        "accelerator=cpu",
        *quick.paths(),
    )
    assert ended.code == 0, ended.err
    caches = [CacheIndex.load(file.parent) for file in quick.folder.rglob("index.npz")]
    assert channels_of(montage) in {index.channel_names for index in caches}
    both = tmp_path / "both"
    _write(both / "electrodes.edf", CANONICAL_19)
    _write(both / "derivations.edf", BIPOLAR_18)
    ended = command(
        predict.VERB, f"checkpoint={checkpoint}", f"input={both}",
        f"output={tmp_path / 'found'}", "accelerator=cpu",
    )  # fmt: skip
    written = {path.stem for path in (tmp_path / "found").glob("*.csv_bi")}
    if montage == "bipolar":
        assert (ended.code, written) == (0, {"electrodes", "derivations"})
    else:
        assert (ended.code, written) == (1, {"electrodes"})
        assert "derivations.edf: bipolar derivations; referential electrodes cannot" in ended.out


@pytest.mark.parametrize("montage", ["average", "bipolar"])
def test_the_detector_of_single_electrodes_is_trained_in_every_montage(in_montage, montage):
    assert in_montage(montage, "electrode_pico").is_file()


def test_a_checkpoint_is_never_used_in_another_montage(quick, trained, command, tmp_path):
    checkpoint = trained / "checkpoints" / "best.ckpt"
    for override in ("preprocess=bipolar", "preprocess.montage=bipolar", "+preprocess=bipolar"):
        for verb, more in ((evaluate.VERB, ()), (predict.VERB, (f"input={tmp_path}",))):
            ended = command(verb, f"checkpoint={checkpoint}", *more, override)
            assert ended.code == 2
            assert "takes no preprocess" in ended.err
    ended = command(train.VERB, *quick.overrides("run=trained", "preprocess=bipolar"))
    assert ended.code == 2
    assert "preprocess.montage was 'referential', now 'bipolar'" in ended.err


def test_a_corpus_of_derivations_is_refused_by_a_checkpoint_of_electrodes(
    trained, command, tmp_path
):
    _write(tmp_path / "chb01" / "chb01_01.edf", BIPOLAR_18)
    ended = command(
        evaluate.VERB, f"checkpoint={trained / 'checkpoints' / 'best.ckpt'}", "corpus=chbmit",
        f"corpus.root={tmp_path}", f"paths.cache={tmp_path / 'cache'}", "accelerator=cpu",
    )  # fmt: skip
    assert ended.code == 2
    assert "can only give bipolar" in ended.err


def test_what_was_estimated_is_in_the_report_of_a_run(quick, trained):
    index = next(
        index
        for index in (CacheIndex.load(file.parent) for file in quick.folder.rglob("index.npz"))
        if index.channel_names == CANONICAL_19
    )
    estimated = [index.interpolated_in(row) for row in range(len(index))]
    report = (trained / "report.md").read_text("utf-8")
    for names in {names for names in estimated if names}:
        said = f"Interpolated by spherical splines: {', '.join(names)} in {estimated.count(names)}"
        assert said in report
