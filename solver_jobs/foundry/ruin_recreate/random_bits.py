"""Random numbers of a search, the same for the same seed on every machine."""

import numpy as np

from solver_jobs.foundry.compiled import inlined

from .arrays import Bits

S11, S17, S23, S26, S33 = (np.uint64(i) for i in (11, 17, 23, 26, 33))


@inlined
def draw(rng: Bits) -> np.uint64:
    """Next 64 random bits (xorshift128+, Vigna 2017)."""
    x, y = rng[0], rng[1]
    rng[0] = y
    x ^= x << S23
    x = x ^ y ^ (x >> S17) ^ (y >> S26)
    rng[1] = x
    return x + y  # type: ignore[no-any-return]


@inlined
def below(rng: Bits, n: int) -> int:
    """Whole number from 0 to n - 1."""
    return np.int64((draw(rng) >> S33) % np.uint64(n))  # type: ignore[return-value]


@inlined
def chance(rng: Bits) -> float:
    """Uniform number in [0, 1)."""
    return np.int64(draw(rng) >> S11) * (1.0 / 9007199254740992.0)
