import torch

from seizure.nn.bidirectional import BidirectionalLayer, BidirectionalMamba

SIZES = {"d_state": 8, "d_conv": 4, "expand": 2, "headdim": 4, "backend": "torch"}


def test_layer_with_swapped_directions_mirrors_time():
    torch.manual_seed(0)
    layer, mirrored = (BidirectionalLayer(16, **SIZES) for _ in range(2))
    mirrored.norm.load_state_dict(layer.norm.state_dict())
    mirrored.forwards.load_state_dict(layer.backwards.state_dict())
    mirrored.backwards.load_state_dict(layer.forwards.state_dict())
    x = torch.randn(16, 3, 45)
    torch.testing.assert_close(mirrored(x.flip(-1)).flip(-1), layer(x))


def test_every_step_sees_every_other():
    torch.manual_seed(0)
    stack = BidirectionalMamba(16, n_layers=1, **SIZES)
    x = torch.randn(16, 1, 20, requires_grad=True)
    stack(x)[:, 0, 10].sum().backward()
    assert (x.grad[:, 0].abs().amax(0) > 0).all()


def test_one_sequence_does_not_see_another():
    torch.manual_seed(0)
    stack = BidirectionalMamba(16, n_layers=2, **SIZES)
    x = torch.randn(16, 5, 30)
    torch.testing.assert_close(stack(x)[:, 2:3], stack(x[:, 2:3]), rtol=1e-4, atol=1e-5)


def test_more_layers_start_with_smaller_branches():
    torch.manual_seed(0)
    few, many = (BidirectionalMamba(16, n_layers=n, **SIZES) for n in (1, 16))
    sizes = [stack.layers[0].forwards.out_proj.weight.std() for stack in (few, many)]
    torch.testing.assert_close(sizes[0] / sizes[1], torch.tensor(4.0), rtol=0.1, atol=0)
