"""Importing the package keeps PyTorch's threads from spinning, unless the user has decided."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None"),
    ],
)
def test_the_wait_is_short_unless_the_user_has_said_how_long(given, expected):
    unset = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = "import seizure, os; print(os.environ.get('GOMP_SPINCOUNT'))"
    ended = subprocess.run(
        [sys.executable, "-c", code], env=unset | given, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == expected


def test_no_module_of_the_package_is_there_before_the_setting():
    """libgomp reads it when torch is imported, which importing the package alone must not do."""
    code = "import seizure, sys; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
