"""A batch's memory is lent again only when nobody holds any part of it."""

import pickle

import pytest
import torch

from seizure.windows.datamodule import WindowDataModule
from seizure.windows.memory import BatchMemory
from seizure.windows.spec import Balance, Loading, Windowing


def test_memory_that_nobody_holds_is_lent_again():
    memory = BatchMemory()
    places = {memory.lend((2, 19, 500)).data_ptr() for _ in range(5)}
    assert len(places) == 1
    assert memory.lend((1, 19, 500)).data_ptr() in places


@pytest.mark.parametrize(
    "part_of",
    [lambda t: t, lambda t: t[1, :, 7:], lambda t: t.numpy()[0], lambda t: t.view(-1)[3:]],
)
def test_a_part_of_it_keeps_it_from_being_lent(part_of):
    memory = BatchMemory()
    parts = [part_of(memory.lend((2, 19, 50)).fill_(number)) for number in range(6)]
    for number, part in enumerate(parts):
        assert (part == number).all()


def test_a_larger_batch_gets_larger_memory():
    memory = BatchMemory()
    small = memory.lend((1, 2)).fill_(1)
    assert memory.lend((3, 40)).fill_(2).shape == (3, 40)
    assert memory.lend((30, 40)).fill_(3).shape == (30, 40)
    assert (small == 1).all()


def test_no_more_is_kept_than_a_loader_needs():
    memory = BatchMemory()
    everything = [memory.lend((5, 5)) for _ in range(20)]
    assert len({tensor.data_ptr() for tensor in everything}) == 20
    assert len(memory._kept) == 3


def test_it_pickles_without_its_arrays():
    memory = BatchMemory()
    held = memory.lend((100, 100)).fill_(1)
    content = pickle.dumps(memory)
    assert len(content) < 200
    assert (pickle.loads(content).lend((100, 100)).fill_(2) == 2).all()
    assert (held == 1).all()


def test_batches_that_are_kept_stay_as_they_were(tiny_cache):
    folder, index = tiny_cache
    data = WindowDataModule(folder, index, Windowing(), Balance(), Loading(), seed=0)
    kept = list(data.scoring_dataloader("dev"))
    for batch, again in zip(kept, data.scoring_dataloader("dev"), strict=True):
        assert torch.equal(batch.eeg, again.eeg)
