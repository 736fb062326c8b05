"""Hints to the C library and the kernel that save time and change no byte; absent ones are skipped.

A merge asks for blocks of a few megabytes and gives them back thousands of times. glibc returns
such blocks to the kernel each time, which clears them page by page when they are asked for again;
told to keep them, it does not. Read-ahead makes the kernel fetch the weights of the next tensors
while those of this one are worked on. A file whose room is set aside in one piece is written with
less work for each page.
"""

import ctypes
import sys
from functools import cache

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
_KEPT = 2**29
_LARGEST = 2**25
"""Larger blocks still come from and go to the kernel: 32 MiB, the most that glibc accepts."""
_WILL_NEED = 3
"""MADV_WILLNEED of madvise(2)."""
_PAGE = 4096
_KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE of fallocate(2)."""


@cache
def _library() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None)
    except OSError:
        return None


@cache
def keep_blocks() -> bool:
    """Ask the C library to keep freed blocks for the next request.

    Returns:
        Whether it will; for the rest of the process.
    """
    mallopt = getattr(_library(), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, _KEPT))


def read_ahead(numbers: torch.Tensor) -> None:
    """Ask the kernel to fetch mapped numbers soon.

    Args:
        numbers: A tensor that is mapped from a file; nothing happens for others.
    """
    madvise = getattr(_library(), "madvise", None)
    if madvise is None or numbers.numel() == 0:
        return
    first = numbers.data_ptr() // _PAGE * _PAGE
    size = numbers.data_ptr() + numbers.nbytes - first
    madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), _WILL_NEED)


def reserve(file: int, size: int) -> None:
    """Ask the file system to set room aside for what will be appended; it may decline.

    Args:
        file: A file that is open for writing.
        size: Bytes; the length of the file does not change.
    """
    fallocate = getattr(_library(), "fallocate", None)
    if fallocate is not None and size > 0:
        fallocate(file, _KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(size))
