"""Comparisons of what a processor computed, and the share of the allowed difference that each of them used.

Processors add up in different orders and in different widths, so that such numbers agree up to rounding only. Tests
that compare them are marked `numeric`; `make test-cpus` runs these under many settings and prints the shares.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

EPS = torch.finfo(torch.float32).eps
margins: Path | None = None  # where shares are written to (`--margins`)


def close(found: Any, expected: Any, *, rtol: float = 0.0, atol: float = 0.0, what: str = "") -> None:
    """Numbers, lists, arrays or tensors that differ by at most atol + rtol * |expected|, element by element."""
    if isinstance(found, Tensor) and isinstance(expected, Tensor):
        assert found.dtype == expected.dtype, what
    one, other = _double(found), _double(expected)
    assert one.shape == other.shape, what
    difference = (one - other).abs()
    # nothing is allowed where the allowance is 0: there a difference makes an infinite share
    shares = torch.where(difference == 0, 0.0, difference / (atol + rtol * other.abs()))
    share = shares.max().item() if len(shares) else 0.0
    _note(share, what)
    assert share <= 1, f"{what}: {share:.3g} times what is allowed, differences up to {difference.max().item():.3g}"


def alike(found: Any, expected: Any, *, rtol: float, what: str = "") -> None:
    """As `close`, where the differences are held against the largest element: sums of many terms are as exact as it."""
    close(found, expected, atol=rtol * _double(expected).abs().max().item(), what=what)


def apart(found: Any, other: Any, *, by: float, what: str = "") -> None:
    """Numbers whose largest difference is more than `by`: what a test would show can be seen above the rounding."""
    difference = (_double(found) - _double(other)).abs().max().item()
    _note(by / difference if difference else float("inf"), what)
    assert difference > by, f"{what}: only {difference:.3g} apart"


def _double(values: Any) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64).detach().flatten()


def _note(share: float, what: str) -> None:
    if margins is not None:
        line = json.dumps({"test": os.environ["PYTEST_CURRENT_TEST"].split(" (")[0], "share": share, "what": what})
        with margins.open("a") as file:
            file.write(line + "\n")


class Rounding(TorchDispatchMode):
    """Another processor, whatever this one is: products and sums come out a unit in the last place off, or not.

    Which way is drawn from the number itself, so that what is computed twice alike is the same twice. A result in half
    precision is the rounding of a sum in single precision, and seldom lands on the other side.
    """

    NAMES = (
        *("mm", "addmm", "bmm", "baddbmm", "linear", "_scaled_dot_product_flash_attention_for_cpu"),
        *("sum", "mean", "logsumexp", "_softmax", "_log_softmax"),
    )

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if func.__name__.split(".")[0] not in self.NAMES:
            return out
        return self._off(out) if isinstance(out, Tensor) else (self._off(out[0]), *out[1:])

    def _off(self, exact: Tensor) -> Tensor:
        if exact.dtype not in (torch.float32, torch.bfloat16):
            return exact
        single = exact.dtype == torch.float32
        bits = exact.contiguous().view(torch.int32 if single else torch.int16)
        drawn = ((bits.long() + 977 * self.seed) * 2654435761 >> 13) % (3 if single else 128)
        moved = bits + (drawn == 0).to(bits.dtype) - (drawn == 1).to(bits.dtype)
        return torch.where((exact == 0) | ~exact.isfinite(), exact, moved.view(exact.dtype))
