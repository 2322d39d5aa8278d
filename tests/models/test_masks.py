"""A masked electrode has no part in anything, whatever stands in its place."""

import pytest
import torch

from seizure.eeg.channels import CANONICAL_19
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.spec import (
    BandsSpec,
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    StreamSpec,
)


def detector(encoding="laplacian"):
    torch.manual_seed(0)
    return ElectrodeStream(
        InputSpec(CANONICAL_19, 256.0, 8.0),
        BandsSpec(6, 1.0, 60.0, stride=16, n_strides=9, pool=4),
        EncoderSpec((8,), (2,), 5, ((1, 2),)),
        StreamSpec(8, 1, 4, 4, 2, 2),
        EdgeSpec(8, 1, 4, 4, 1, 1, every=2),
        GraphSpec(2, 0.05, 2, 3, 1e-4, 8, encoding=encoding),
        dropout=0.0,
    )


@pytest.fixture
def eeg():
    return torch.randn(2, 19, 2048, generator=torch.Generator().manual_seed(1))


def rows_of(channel_names):
    return [CANONICAL_19.index(name) for name in channel_names]


def mask(*absent):
    """(window, electrode), each window without some electrodes."""
    return torch.tensor([[name not in names for name in CANONICAL_19] for names in absent])


@pytest.mark.parametrize("encoding", ["laplacian", "random_walk", "dynamic"])
@pytest.mark.parametrize("garbage", [0.0, 3.0, 1e4, float("nan")])
def test_a_masked_electrode_is_one_that_is_not_there(eeg, encoding, garbage):
    model = detector(encoding=encoding).eval()
    torch.nn.init.normal_(model.edge_stream.to_weight.weight)
    torch.nn.init.normal_(model.readout.to_logit.weight, std=3.0)
    absent = [("Fz",), ("T3", "O2", "Cz", "F8")]
    filled = eeg.clone()
    for window, names in enumerate(absent):
        filled[window, rows_of(names)] = garbage
    with torch.no_grad():
        found = model(filled, mask(*absent))
        for window, names in enumerate(absent):
            kept = [name for name in CANONICAL_19 if name not in names]
            without = model.for_channels(kept)(eeg[window : window + 1, rows_of(kept)])
            torch.testing.assert_close(found[window : window + 1], without, rtol=0, atol=1e-5)
            # Each window of a mixed batch is what it is alone.
            alone = model(filled[window : window + 1], mask(names))
            torch.testing.assert_close(found[window : window + 1], alone, rtol=0, atol=1e-5)
        assert (found - model(eeg)).abs().amax(1).min() > 1e-3


def test_masks_follow_their_electrodes(eeg):
    model = detector().eval()
    order = torch.randperm(19, generator=torch.Generator().manual_seed(2))
    there = mask(("Fz", "T5"), ())
    permuted = model.for_channels([CANONICAL_19[i] for i in order])
    with torch.no_grad():
        found = permuted(eeg[:, order], there[:, order])
    torch.testing.assert_close(found, model(eeg, there), rtol=0, atol=1e-5)


def test_a_mask_of_nothing_changes_nothing(eeg):
    model = detector()
    for mode in (True, False):
        found = model.train(mode)(eeg, mask((), ()))
        torch.testing.assert_close(found, model(eeg), rtol=0, atol=1e-5)


@pytest.mark.parametrize("garbage", [0.0, 1e3, float("nan")])
def test_what_is_masked_has_no_part_in_learning(eeg, garbage):
    absent = [("Fz", "P3"), ("T3",)]

    def learnt(filling):
        model = detector().train()
        filled = eeg.clone()
        for window, names in enumerate(absent):
            filled[window, rows_of(names)] = filling
        filled.requires_grad_()
        model(filled, mask(*absent)).square().mean().backward()
        gradients = {name: p.grad for name, p in model.named_parameters()}
        return gradients | dict(model.named_buffers()) | {"eeg": filled.grad}

    found, expected = learnt(garbage), learnt(1.0)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
        assert value.isfinite().all(), name
    for window, names in enumerate(absent):
        assert not expected["eeg"][window, rows_of(names)].any()
        assert expected["eeg"][window, rows_of(["C3"])].abs().max() > 0
    assert all(p.abs().max() > 0 for p in expected.values())


def test_a_training_step_without_an_electrode_is_that_of_a_recording_without_it(eeg):
    kept = [name for name in CANONICAL_19 if name not in ("Fz", "T6")]
    model = detector().train()
    other = model.for_channels(kept)
    found = model(eeg, mask(("Fz", "T6"), ("Fz", "T6")))
    expected = other(eeg[:, rows_of(kept)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    found.square().mean().backward()
    expected.square().mean().backward()
    for (name, p), q in zip(model.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-5, msg=name)
    for (name, p), q in zip(model.named_buffers(), other.buffers(), strict=True):
        if "running" in name:
            torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6, msg=name)


def test_a_mask_of_another_shape_is_named(eeg):
    with pytest.raises(ValueError, match=r"bool \(2, 19\); found torch.bool \(1, 19\)"):
        detector()(eeg, mask(()))
