"""Plain Python over flat sequences of small integers, compiled where numba is installed (extra `fast`).

A kernel is a function marked `jit` that takes and makes its sequences by `table` and `zeros`. Without numba it runs as
it is: the same code, so the same seed gives the same puzzles, some hundred times slower. Integers stay within 64 bits;
a product or a shift that might not is cut to 32 bits by `MASK32` at once, which is right both ways.
Importing this module imports numba; only what generates does so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
Words = Any  # int64 array when compiled, list of int when not

try:
    import numba

    njit: Any = numba.njit
except ImportError:
    njit = None

COMPILED: bool = njit is not None
MASK32 = 0xFFFFFFFF


def jit(function: F) -> F:
    """Compile when first called, and keep the result on disk where some folder can be written to."""
    if njit is None:
        return function
    try:
        compiled: F = njit(cache=True)(function)
    except RuntimeError:  # no cache folder can be written to: compile in every process
        compiled = njit(function)
    return compiled


def table(values: Sequence[int]) -> Words:
    """A sequence of integers in the form the kernels index fastest."""
    return list(values) if njit is None else np.asarray(values, dtype=np.int64)


if njit is None:

    def zeros(n: int) -> Words:
        return [0] * n
else:

    @jit
    def zeros(n: int) -> Words:
        return np.zeros(n, np.int64)


@jit
def draw(rng: Words, n: int) -> int:
    """An integer in [0, n), by the generator sfc32 (Doty-Humphrey) whose four 32-bit words are `rng`."""
    out = (rng[0] + rng[1] + rng[3]) & MASK32
    rng[3] = (rng[3] + 1) & MASK32
    rng[0] = rng[1] ^ (rng[1] >> 9)
    rng[1] = (rng[2] + (rng[2] << 3)) & MASK32
    rng[2] = (((rng[2] << 21) | (rng[2] >> 11)) + out) & MASK32
    return int((out * n) >> 32)


@jit
def shuffle(rng: Words, items: Words, n: int) -> None:
    for i in range(n - 1, 0, -1):
        j = draw(rng, i + 1)
        items[i], items[j] = items[j], items[i]
