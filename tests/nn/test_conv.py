import pytest
import torch
from torch.nn import functional as F

from seizure.nn.conv import Conv, causal_conv, causal_conv_backward


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (4, 1), (1, 5)])
def test_convolution_equals_the_one_of_pytorch(stride, dilation):
    torch.manual_seed(0)
    conv, x = Conv(6, 8, kernel=7, stride=stride, dilation=dilation), torch.randn(2, 64, 6)
    expected = torch.nn.Conv1d.forward(conv, x.transpose(1, 2)).transpose(1, 2)
    assert conv(x).shape == (2, 64 // stride, 8)
    torch.testing.assert_close(conv(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (4, 1), (7, 1), (1, 5)])
def test_a_causal_convolution_ends_on_its_stride_and_streams(stride, dilation):
    torch.manual_seed(0)
    conv, x = Conv(6, 8, 7, stride, dilation, causal=True), torch.randn(2, 84, 6)
    padded = F.pad(x.transpose(1, 2), (dilation * 6 - stride + 1, 0))
    expected = torch.nn.Conv1d.forward(conv, padded).transpose(1, 2)
    torch.testing.assert_close(conv(x), expected, rtol=1e-4, atol=1e-5)
    past, found = conv.initial_state(2), []
    for piece in x.split([28, 56], dim=1):
        y, past = conv.step(piece, past)
        found.append(y)
    torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("time", [1, 2, 3, 20])
def test_causal_convolution_and_its_gradients_equal_the_padded_one(time):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(5, 3, time), torch.randn(5, 4), torch.randn(5)
    x, weight, bias = (t.double().requires_grad_() for t in (x, weight, bias))
    padded = F.conv1d(F.pad(x.transpose(0, 1), (3, 0)), weight.unsqueeze(1), bias, groups=5)
    expected, dy = padded.transpose(0, 1), torch.randn(5, 3, time).double()
    with torch.no_grad():
        torch.testing.assert_close(causal_conv(x, weight, bias), expected)
        dx = torch.empty_like(x)
        dweight, dbias = causal_conv_backward(dy, x, weight, out=dx)
    gradients = torch.autograd.grad(expected, (x, weight, bias), dy)
    for found, true in zip((dx, dweight, dbias), gradients, strict=True):
        torch.testing.assert_close(found, true)
