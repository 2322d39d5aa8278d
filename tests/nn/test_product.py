import pytest
import torch

from seizure.nn.product import product


@pytest.mark.parametrize("n_columns", [3, 5000])
def test_product_of_any_layout_equals_the_one_of_float64(n_columns):
    torch.manual_seed(0)
    a, b = torch.randn(48, 32), torch.randn(32, n_columns)
    expected = a.double() @ b.double()
    layouts = {
        "contiguous": lambda m: m,
        "transposed": lambda m: m.t().contiguous().t(),
        "rows of a wider matrix": lambda m: torch.cat([m, m], 1)[:, : m.shape[1]],
        "every second column": lambda m: m.repeat_interleave(2, 1)[:, ::2],
    }
    for name, laid_out in layouts.items():
        error = (product(laid_out(a), laid_out(b)) - expected).abs().max() / expected.abs().max()
        assert error < 1e-6, name


def test_product_keeps_float64():
    a, b = torch.randn(48, 32).double(), torch.randn(32, 5000).double()
    assert torch.equal(product(a, b), a @ b)
