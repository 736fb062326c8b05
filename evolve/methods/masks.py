"""Random masks that depend on nothing but the seed, the tensor's name and the model's weights.

Each element has its own random bits: word e, of 16 bits, of a Philox4x64 stream (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011) whose key is a hash of seed, name and
identity. So a mask is the same whatever the threads, the blocks, the other tensors and the other
models do. Where 16 bits do not decide, 64 more are drawn, so that the probability is exact.
"""

import hashlib
import math

import numpy as np
import torch

from evoreg.provenance.records.digest import Digest

_WORDS = 16
"""16-bit words of one counter: four 64-bit words."""
_HALF = 2**15


def key(seed: int, name: str, identity: Digest) -> int:
    """Return the key of a stream.

    Args:
        seed: Seed of the merge.
        name: Raw name of the tensor in its source.
        identity: Identity of the source's weights.

    Returns:
        128 bits.
    """
    text = "\0".join(("evoreg/mask/2", str(seed), name, identity))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def bernoulli(stream: int, block: slice, probability: float) -> torch.Tensor:
    """Draw the mask of one block.

    Args:
        stream: Key from `key`.
        block: Place in the tensor; `start` is a multiple of 16.
        probability: Probability of being kept, in [0, 1].

    Returns:
        1 where kept, 0 elsewhere; float32, shape (block,), in ordinary memory.
    """
    generator = np.random.Philox(key=stream, counter=block.start // _WORDS)
    count = block.stop - block.start
    raw = generator.random_raw((count + 3) // 4)
    # The bytes of each 64-bit word are taken little end first on every machine.
    words = raw.astype("<u8", copy=False).view("<i2")[:count]
    whole = math.floor(probability * 2**16)
    mask = torch.from_numpy(words).to(torch.float32).lt_(whole - _HALF)
    rest = probability * 2**16 - whole
    if rest:
        for place in np.flatnonzero(words == whole - _HALF).tolist():
            mask[place] = float(_further(stream, block.start + place) < rest)
    return mask


def _further(stream: int, element: int) -> float:
    """Return a number in [0, 1) of 53 bits for an element that 16 bits left undecided."""
    text = f"evoreg/mask/2\0{stream}\0{element}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
