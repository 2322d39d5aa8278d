"""Tuning a checkpoint: kept beside it with its fingerprint, used from then on, never on eval."""

import json
import shutil

import pytest

from seizure import build, tune
from seizure.scoring.operating_point import fingerprint

GRID = (
    "grid.off_ratio=[0.5,0.9]",
    "grid.opening_frames=[3]",
    "grid.closing_frames=[31]",
    "grid.min_duration_s=[1,3]",
    "grid.merge_gap_s=[10]",
)


@pytest.fixture
def checkpoint(trained, tmp_path):
    """The trained checkpoint with its operating point, in a folder of its own."""
    for path in (trained / "checkpoints").glob("best.*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "best.ckpt"


@pytest.fixture
def tuned(quick, checkpoint, command):
    """Tunes the copy with further arguments."""

    def start(*more):
        return command(
            tune.VERB, f"checkpoint={checkpoint}", *quick.paths(), "accelerator=cpu", *more
        )

    return start


def test_what_was_found_is_kept_with_its_fingerprint_and_what_changed_is_said(checkpoint, tuned):
    before = build.kept_choice(checkpoint)
    ended = tuned(*GRID, "target_fa_per_24h=400", "max_alarm_share=0.9")
    assert ended.code == 0, ended.err
    after = build.kept_choice(checkpoint)
    stored = json.loads(build.operating_point_of(checkpoint).read_text())
    assert stored["fingerprint"] == fingerprint(after.settings)
    assert (after.chosen_on, after.n_tried, after.max_alarm_share) == ("dev", 5, 0.9)
    assert f"fingerprint {before.fingerprint}" in ended.out
    assert f"fingerprint {after.fingerprint}" in ended.out
    assert "5 settings tried at every threshold on dev (synthetic EEG" in ended.out
    for name, value in stored["settings"].items():
        changed = getattr(before.settings, name) != value
        assert (f"{name}: " in ended.out) == changed


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("split=eval", "they would have seen the answers"),
        ("split=test", "expected one of these"),
        ("max_alarm_share=0", "max_alarm_share must be in (0, 1]"),
        ("target_fa_per_24h=-1", "target_fa_per_24h must be finite and not negative"),
        ("grid.off_ratio=[2]", "grid: off_ratio must be in (0, 1], found 2"),
        ("grid.threshold=[0.5]", "unknown key 'grid.threshold'"),
    ],
)
def test_what_would_mean_nothing_is_refused_and_nothing_is_written(
    checkpoint, tuned, argument, said
):
    kept = build.operating_point_of(checkpoint).read_bytes()
    ended = tuned(argument)
    assert ended.code == 2
    assert said in ended.err
    assert build.operating_point_of(checkpoint).read_bytes() == kept


def test_an_exported_detector_is_not_tuned(checkpoint, tuned, tmp_path):
    ended = tuned(f"checkpoint={tmp_path / 'detector.safetensors'}")
    assert ended.code == 2
    assert "tune the .ckpt of its run, then export it again" in ended.err
