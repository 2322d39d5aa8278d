"""Memory that is free but still the process's."""

import ctypes
import sys


def give_back() -> None:
    """Give freed memory back to the system, where the C library has a call for it (glibc's).

    PyTorch frees a batch's activations, but in between small lasting objects they leave holes that
    the library keeps: over hundreds of recordings a process then looks as if it grew.

    >>> give_back()
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in every C library of Linux
    if trim is not None:
        trim(0)
