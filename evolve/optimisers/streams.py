"""Random numbers of an optimiser's own, and digests of what it knows.

NumPy's global generator is neither read nor changed: what a search asks for depends on its seed
alone, and a search does not disturb what runs beside it.
"""

import hashlib
import json

import numpy as np

from evoreg.provenance.records.digest import Digest, digest_of


def derived(seed: int, purpose: str) -> int:
    """Return a seed for one purpose.

    Args:
        seed: Seed of the search.
        purpose: What it is for; other purposes get seeds that have nothing to do with it.

    Returns:
        A number from 1 to 2^32 - 1: never 0, which some libraries read as the time of day.
    """
    data = hashlib.sha256(f"evoreg optimiser\0{purpose}\0{seed}".encode()).digest()
    return 1 + int.from_bytes(data[:8], "big") % (2**32 - 1)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator for one purpose, as `derived`."""
    return np.random.Generator(np.random.PCG64(derived(seed, purpose)))


def digest(*parts: object) -> Digest:
    """Return a digest of numbers, arrays, generators, and lists of them, bit for bit."""
    return digest_of(json.dumps([_plain(part) for part in parts], sort_keys=True).encode())


def _plain(part: object) -> object:
    """Return what JSON can spell of a part; arrays by the digest of their bytes."""
    if isinstance(part, np.random.Generator):
        return _plain(part.bit_generator.state)
    if isinstance(part, np.random.RandomState):
        return _plain(part.get_state(legacy=False))
    if isinstance(part, np.ndarray):
        return [list(part.shape), digest_of(np.ascontiguousarray(part).tobytes())]
    if isinstance(part, dict):
        return {str(key): _plain(value) for key, value in part.items()}
    if isinstance(part, tuple | list):
        return [_plain(value) for value in part]
    if isinstance(part, np.generic):
        return part.item()
    return part
