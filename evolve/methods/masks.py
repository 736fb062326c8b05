"""Random masks that depend on nothing but the seed, the tensor's name and the model's weights.

Each element has its own 32 random bits: word e of a Philox4x64 stream (Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", SC 2011) whose key is a hash of seed, name and identity. So a
mask is the same whatever the threads, the blocks, the other tensors and the other models do.
"""

import hashlib

import numpy as np
import torch

from evoreg.provenance.records.digest import Digest

_WORDS = 8
"""32-bit words of one counter: four 64-bit words."""


def key(seed: int, name: str, identity: Digest) -> int:
    """Return the key of a stream.

    Args:
        seed: Seed of the merge.
        name: Raw name of the tensor in its source.
        identity: Identity of the source's weights.

    Returns:
        128 bits.
    """
    text = "\0".join(("evoreg/mask/1", str(seed), name, identity))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def bernoulli(stream: int, block: slice, probability: float) -> torch.Tensor:
    """Draw the mask of one block.

    Args:
        stream: Key from `key`.
        block: Place in the tensor; `start` is a multiple of 8.
        probability: Probability of being kept, in [0, 1]; resolved to 2**-32.

    Returns:
        Truth values, shape (block,).
    """
    generator = np.random.Philox(key=stream, counter=block.start // _WORDS)
    count = block.stop - block.start
    raw = generator.random_raw((count + 1) // 2)
    # The bytes of each 64-bit word are taken little end first on every machine.
    words = raw.astype("<u8").view("<u4")[:count]
    return torch.from_numpy(words < np.uint64(round(probability * 2**32)))
