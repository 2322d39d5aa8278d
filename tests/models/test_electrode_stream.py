"""Nodes are electrodes: their order means nothing, and each is read by the same encoder."""

import pytest
import torch

from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.spec import (
    BandsSpec,
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    SpecError,
    StreamSpec,
)
from seizure.nn.decay import takes_decay
from seizure.nn.filter_bank import coherence
from seizure.nn.norm import BatchNorm, RMSNorm


def detector(channel_names=CANONICAL_19, dropout=0.0, encoding="laplacian"):
    torch.manual_seed(0)
    return ElectrodeStream(
        InputSpec(tuple(channel_names), 256.0, 8.0),
        BandsSpec(6, 1.0, 60.0, stride=16, n_strides=9, pool=4),
        EncoderSpec((8,), (2,), 5, ((1, 2),)),
        StreamSpec(8, 1, 4, 4, 2, 2),
        EdgeSpec(8, 1, 4, 4, 1, 1, every=2),
        GraphSpec(2, 0.05, 2, 3, 1e-4, 8, encoding=encoding),
        dropout,
    )


@pytest.fixture
def eeg():
    return torch.randn(2, 19, 2048, generator=torch.Generator().manual_seed(1))


def test_permuting_electrodes_with_their_positions_moves_nothing(eeg):
    model = detector().eval()
    order = torch.randperm(19, generator=torch.Generator().manual_seed(2))
    permuted = detector([CANONICAL_19[i] for i in order]).eval()
    permuted.load_state_dict(model.state_dict())
    # The eigenvectors' signs follow the order of electrodes; a position keeps its own entries.
    permuted.graph.encoding.copy_(model.graph.encoding[order])
    with torch.no_grad():
        assert torch.allclose(permuted(eeg[:, order]), model(eeg), atol=1e-5)
        assert not torch.allclose(model(eeg[:, order]), model(eeg), atol=1e-5)


def rows_of(channel_names):
    return [CANONICAL_19.index(name) for name in channel_names]


@pytest.mark.parametrize("absent", [(), ("Fz",), ("T3", "O2", "Cz", "F8")])
def test_an_electrode_that_is_left_out_takes_no_part(eeg, absent):
    kept = [name for name in CANONICAL_19 if name not in absent]
    model, alone = detector().eval(), detector(kept).eval()
    weights = model.state_dict()
    weights["graph.encoding"] = weights["graph.encoding"][rows_of(kept)]
    alone.load_state_dict(weights)
    with torch.no_grad():
        found = model.for_channels(kept)(eeg[:, rows_of(kept)])
        assert torch.allclose(found, alone(eeg[:, rows_of(kept)]), atol=1e-5)
        if absent:
            filled = eeg.clone()
            filled[:, rows_of(absent)] = 0
            assert not torch.allclose(found, model(filled), atol=1e-3)


def test_any_order_of_the_electrodes_gives_the_same(eeg):
    model = detector().eval()
    order = torch.randperm(19, generator=torch.Generator().manual_seed(2)).tolist()
    permuted = model.for_channels([CANONICAL_19[i] for i in order])
    with torch.no_grad():
        assert torch.allclose(permuted(eeg[:, order]), model(eeg), atol=1e-5)


@pytest.mark.parametrize("channel_names", [BIPOLAR_18, ("C3", "C4"), ("Fp1-F7", "O2", "C4-P4")])
def test_the_same_weights_read_any_electrodes_and_derivations(eeg, channel_names):
    model = detector().eval()
    other = model.for_channels(channel_names)
    assert dict(other.named_parameters()).keys() == dict(model.named_parameters()).keys()
    for name, parameter in other.named_parameters():
        assert torch.equal(parameter, model.get_parameter(name)), name
    other.check_source(channel_names, 256.0)
    logits = other(eeg[:, : len(channel_names)])
    assert logits.shape == (2, 2048)
    assert logits.isfinite().all()
    # Between two electrodes the encoding is neither's, and not beyond what electrodes have.
    assert other.graph.encoding.abs().max() < 1.5 * model.graph.encoding.abs().max()


def test_going_there_and_back_changes_nothing(eeg):
    model = detector().eval()
    back = model.for_channels(CANONICAL_19[::-1]).for_channels(CANONICAL_19)
    with torch.no_grad():
        assert torch.allclose(back(eeg), model(eeg), atol=1e-5)
        assert model.inputs.channel_names == CANONICAL_19


def test_too_few_or_unknown_electrodes_are_named():
    model = detector()
    with pytest.raises(SpecError, match="at least 2 electrodes, found 1"):
        model.for_channels(["Cz"])
    with pytest.raises(ValueError, match="no position is known for A1"):
        model.for_channels(["Cz", "A1"])
    with pytest.raises(SpecError, match=r"found 8 electrodes.*needs at least 9"):
        detector(encoding="dynamic").for_channels(CANONICAL_19[:8])
    assert detector(encoding="random_walk").for_channels(CANONICAL_19[:8]).n_channels == 8


def test_an_electrode_louder_or_softer_than_the_others_is_alike_to_them_as_before(eeg):
    model = detector().eval()
    waves = model.filter_bank(eeg[0]).unflatten(1, (-1, model.steps_per_edge)).unsqueeze(0)
    louder = waves.clone()
    louder[:, 3] *= 50
    assert torch.allclose(coherence(louder), coherence(waves), atol=1e-3)


def test_a_window_does_not_depend_on_the_others_of_its_batch(eeg):
    model = detector().eval()
    with torch.no_grad():
        assert torch.allclose(model(eeg)[1:], model(eeg[1:]), atol=1e-5)


def test_every_parameter_gets_a_finite_gradient(eeg):
    model = detector()
    model(eeg).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_norms_biases_and_scan_parameters_do_not_decay():
    for name, module in detector().named_modules():
        is_norm = isinstance(module, RMSNorm | BatchNorm)
        for kind, parameter in module.named_parameters(recurse=False):
            spared = is_norm or kind in ("bias", "dt_bias", "A_log", "D")
            assert takes_decay(parameter) is not spared, f"{name}.{kind}"


def test_flat_and_enormous_electrodes_stay_finite(eeg):
    eeg[0, 4] = 0
    eeg[1, 7, 500:510] = 1e4
    model = detector()
    logits = model(eeg)
    logits.square().mean().backward()
    assert logits.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_untrained_detector_claims_its_prior(eeg):
    with torch.no_grad():
        assert detector().eval()(eeg).sigmoid().mean() == pytest.approx(0.05, abs=0.03)


def test_a_wrong_window_is_named():
    with pytest.raises(ValueError, match=r"multiple of 256 samples; found \(2, 19, 1000\)"):
        detector()(torch.zeros(2, 19, 1000))
