"""The launcher as a module, for the tests that ask Modal's own client about it."""

import importlib.util
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import modal
import modal.exception
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def launcher() -> Iterator[ModuleType]:
    """`modal_launch.py`, loaded with Modal's deprecation warnings as errors."""
    spec = importlib.util.spec_from_file_location("modal_launch", ROOT / "modal_launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["modal_launch"] = module
    with warnings.catch_warnings():
        warnings.simplefilter("error", modal.exception.DeprecationError)
        spec.loader.exec_module(module)
    yield module
    del sys.modules["modal_launch"]
