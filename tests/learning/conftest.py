"""Several processes of a test meet on a port of their own."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_port() -> Iterator[None]:
    """Lightning leaves a port in the environment, which by the next test may be somebody else's."""
    os.environ.pop("MASTER_PORT", None)
    yield
    os.environ.pop("MASTER_PORT", None)
