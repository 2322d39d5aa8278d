import pytest
import torch
from torch import nn

from seizure.models.weights import WeightsError, load_weights


def networks():
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)), nn.Sequential(
        nn.Linear(3, 2), nn.Linear(2, 1)
    )


def test_equal_networks_match_completely():
    source, target = networks()
    report = load_weights(target, source.state_dict())
    assert report.is_complete
    assert len(report.matched) == 4
    assert torch.equal(source[0].weight, target[0].weight)


def test_any_disagreement_fails_and_leaves_the_network_alone():
    source, target = networks()
    before = target[0].weight.clone()
    state = source.state_dict()
    del state["1.bias"]
    state["2.weight"] = torch.zeros(1)
    state["1.weight"] = torch.zeros(5, 2)
    with pytest.raises(WeightsError) as failure:
        load_weights(target, state)
    message = str(failure.value)
    assert "2 matched; 1 missing (1.bias); 1 unexpected (2.weight)" in message
    assert "1 misshapen (1.weight: found (5, 2), expected (1, 2))" in message
    assert torch.equal(target[0].weight, before)


def test_partial_loading_must_be_asked_for_and_reports_the_rest():
    source, target = networks()
    state = source.state_dict()
    del state["1.bias"]
    report = load_weights(target, state, allow_partial=True)
    assert report.missing == ("1.bias",)
    assert torch.equal(source[0].weight, target[0].weight)


def test_nothing_in_common_fails_even_when_partial():
    source, target = networks()
    renamed = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    with pytest.raises(WeightsError, match="0 matched"):
        load_weights(target, renamed, allow_partial=True)
