from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from seizure.models.spec import InputSpec
from seizure.models.weights import (
    StoredDetector,
    WeightsError,
    load_weights,
    read_detector,
    write_detector,
)


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


@pytest.fixture
def stored():
    weights = {"0.weight": torch.randn(2, 3).t(), "steps": torch.tensor(7)}
    return StoredDetector(
        weights, InputSpec(("C3", "Cz", "C4"), 256.0, 60.0), "robust", {"run": "é", "seed": None}
    )


def assert_same(found, expected):
    assert found.state.keys() == expected.state.keys()
    for name, tensor in expected.state.items():
        assert torch.equal(found.state[name], tensor), name
        assert found.state[name].dtype == tensor.dtype
    assert replace(found, state={}) == replace(expected, state={})


@pytest.mark.parametrize("operating_point", [None, '{"on_threshold": 0.5}'])
def test_a_detector_survives_its_file_to_the_last_bit(stored, operating_point, tmp_path):
    temperature = None if operating_point is None else 0.1 + 0.2
    stored = replace(stored, operating_point=operating_point, temperature=temperature)
    path = write_detector(tmp_path / "new" / "a.safetensors", stored)
    assert_same(read_detector(path), stored)
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]


def test_a_file_that_was_cut_off_or_is_another_is_refused(stored, tmp_path):
    path = write_detector(tmp_path / "a.safetensors", stored)
    whole = path.read_bytes()
    for content in (b"", b"a letter", whole[:-1], whole[: len(whole) // 2], whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"a\.safetensors is no safetensors file"):
            read_detector(path)


def test_weights_alone_are_no_detector(tmp_path):
    save_file({"0.weight": torch.zeros(2)}, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="states format None, expected 'seizure detector 1'"):
        read_detector(tmp_path / "a.safetensors")


@pytest.mark.parametrize("inputs", ["{", "{}", '{"channel_names": ["C3"]}'])
def test_an_edited_header_is_refused(stored, inputs, tmp_path):
    path = write_detector(tmp_path / "a.safetensors", stored)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file({"steps": torch.tensor(7)}, path, metadata | {"inputs": inputs})
    with pytest.raises(WeightsError, match="its header was edited"):
        read_detector(path)
