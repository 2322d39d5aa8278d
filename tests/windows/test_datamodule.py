"""Batches hold the EEG and the annotations of the windows they name."""

from dataclasses import replace

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from seizure.cache.shard import read_shard
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.sampler import PADDING
from seizure.windows.spec import Balance, Loading, Windowing


@pytest.fixture
def data(tiny_cache):
    folder, index = tiny_cache
    return WindowDataModule(
        folder, index, Windowing(), Balance(), Loading(batch_size=4, scoring_batch_size=4), seed=0
    )


def test_a_batch_is_the_normalised_eeg_of_its_windows(data, tiny_cache):
    folder, index = tiny_cache
    for batch in data.scoring_dataloader("dev"):
        for place, (row, start) in enumerate(zip(batch.row, batch.start, strict=True)):
            shard = read_shard(folder / str(index.file[int(row)]))
            eeg_uv = shard.signal_uv[:, start : start + 15360]
            spread_uv = shard.iqr_uv[:, None] / 1.349
            expected = (eeg_uv - shard.median_uv[:, None]) / spread_uv
            found = batch.normalised()[place].numpy()
            assert np.allclose(found[:, : eeg_uv.shape[1]], expected, atol=1e-4)
            assert (found[:, eeg_uv.shape[1] :] == 0).all()
            assert int(batch.valid[place].sum()) == eeg_uv.shape[1]


def test_scoring_covers_every_sample_and_every_annotated_second_once(data, tiny_cache):
    _, index = tiny_cache
    n_valid = sum(int(batch.valid.sum()) for batch in data.scoring_dataloader("eval"))
    n_seizure = sum(
        int((batch.target * batch.valid).sum()) for batch in data.scoring_dataloader("eval")
    )
    rows = index.rows("eval")
    assert n_valid == index.n_samples[rows].sum()
    assert n_seizure == sum(np.diff(index.events_of(row)).sum() for row in rows)


def test_training_never_sees_a_recording_of_another_split(data, tiny_cache):
    _, index = tiny_cache
    rows = np.concatenate([batch.row.numpy() for batch in data.train_dataloader()])
    assert set(index.split[rows].tolist()) == {"train"}


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_give_the_same_batches_as_none(tiny_cache, context):
    folder, index = tiny_cache

    def batches(num_workers):
        loading = Loading(batch_size=4, num_workers=num_workers, persistent_workers=False)
        module = WindowDataModule(folder, index, Windowing(), Balance(), loading, seed=0)
        loader = module.train_dataloader()
        if num_workers:
            loader.multiprocessing_context = context
        return list(loader)

    for here, there in zip(batches(0), batches(1), strict=True):
        pairs = zip(here, there, strict=True)
        assert all(a is b is None or torch.equal(a, b) for a, b in pairs)


def test_windows_say_which_channels_their_recording_has(tiny_cache):
    folder, index = tiny_cache
    assert next(iter(made(folder, index).scoring_dataloader("dev"))).present is None
    names = index.channel_names
    masked = np.array(["", names[1], f"{names[0]},{names[3]}"] * 3)
    some = replace(index, masked=masked)
    for batch in made(folder, some).scoring_dataloader("dev"):
        for row, present in zip(batch.row.tolist(), batch.present, strict=True):
            absent = [n for n, there in zip(names, present.tolist(), strict=True) if not there]
            assert absent == (masked[row].split(",") if masked[row] else [])
    dataset = made(folder, some).scoring_dataloader("dev").dataset
    assert dataset[[0, PADDING]].present[1].all()


def made(folder, index):
    return WindowDataModule(folder, index, Windowing(), Balance(), Loading(), seed=0)


def test_padding_is_silence_that_belongs_to_no_recording(data):
    dataset = data.scoring_dataloader("dev").dataset
    batch, alone = dataset[[2, PADDING]], dataset[[2]]
    pairs = zip(batch.mapped(lambda part: part[:1]), alone, strict=True)
    assert all(both is one is None or torch.equal(both, one) for both, one in pairs)
    assert batch.row.tolist()[1] == -1
    assert not batch.valid[1].any()
    assert not batch.target[1].any()
    assert (batch.normalised()[1] == 0).all()


def test_an_unknown_split_is_named(data):
    with pytest.raises(ValueError, match="no recording of the split 'test'"):
        data.scoring_dataloader("test")


def test_the_stated_share_of_seizure_is_that_of_the_batches(data):
    batches = list(data.train_dataloader())
    n_drawn = sum(len(batch.row) for batch in batches)
    share = sum(int((b.target * b.valid).sum()) for b in batches) / sum(
        int(b.valid.sum()) for b in batches
    )
    # The last, smaller batch is left for another epoch.
    assert n_drawn >= 24
    assert data.drawn_seizure_share() == pytest.approx(share, rel=0.1)


def test_margins_are_ignored_in_training_and_counted_in_scoring(tiny_cache):
    folder, index = tiny_cache
    windowing = Windowing(window_s=20, scoring_stride_s=20, ignore_before_s=5, ignore_after_s=30)
    data = WindowDataModule(folder, index, windowing, Balance(), Loading(), seed=0)
    n_ignored = 0
    for batch in data.train_dataloader():
        for place, (row, start) in enumerate(zip(batch.row, batch.start, strict=True)):
            ((first, last),) = index.events_of(int(row))
            sample = int(start) + np.arange(20 * 256)
            close = (sample >= first - 5 * 256) & (sample < last + 30 * 256)
            in_margin = close & ~((sample >= first) & (sample < last))
            expected = batch.valid[place].numpy() & ~in_margin
            np.testing.assert_array_equal(batch.learnt[place].numpy(), expected)
            assert expected.any()
            n_ignored += in_margin.sum()
    assert n_ignored > 0
    assert len(data.training_grid()) < len(data.grid("train", windowing.stride_s))
    for batch in data.scoring_dataloader("train"):
        assert torch.equal(batch.learnt, batch.valid)


def test_without_margins_every_sample_there_is_counts(data):
    for batch in data.train_dataloader():
        assert torch.equal(batch.learnt, batch.valid)
    whole = data.grid("train", data.windowing.stride_s)
    assert np.array_equal(data.training_grid().start, whole.start)


def test_the_stated_share_of_seizure_leaves_out_what_is_ignored(tiny_cache):
    folder, index = tiny_cache
    loading = Loading(batch_size=1)
    windowing = Windowing(window_s=20, scoring_stride_s=20, ignore_after_s=60)
    data = WindowDataModule(folder, index, windowing, Balance(), loading, seed=0)
    batches = list(data.train_dataloader())
    n_learnt = sum(int(batch.learnt.sum()) for batch in batches)
    n_seizure = sum(int((batch.target * batch.learnt).sum()) for batch in batches)
    assert data.drawn_seizure_share() == n_seizure / n_learnt


def test_windows_are_scaled_by_themselves_where_that_is_asked_for(tiny_cache):
    folder, index = tiny_cache
    windowing = Windowing(normalised_per="window")
    data = WindowDataModule(folder, index, windowing, Balance(), Loading(), seed=0)
    for batch in data.scoring_dataloader("dev"):
        for eeg, valid in zip(batch.normalised(), batch.valid, strict=True):
            quartiles = np.percentile(eeg[:, valid].numpy(), [25, 50, 75], axis=1)
            np.testing.assert_allclose(quartiles[1], 0, atol=0.01)
            np.testing.assert_allclose((quartiles[2] - quartiles[0]) / 1.349, 1, atol=0.01)


def test_workers_that_starve_each_other_are_said_with_numbers(tiny_cache, caplog, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)

    def said(num_workers):
        caplog.clear()
        loading = Loading(num_workers=num_workers)
        data = WindowDataModule(*tiny_cache, Windowing(), Balance(), loading, seed=0)
        data.trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        with caplog.at_level("WARNING", "seizure"):
            data.setup("fit")
        return [record.getMessage() for record in caplog.records if record.name == "seizure"]

    assert said(0) == said(2) == []
    (warning,) = said(3)
    assert warning.startswith("3 loader workers on 4 cores, which feed 2")
    assert warning.endswith("set loader.num_workers=2")
