"""The comparisons of numbers themselves, and the thread count that all tests have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numeric
import numpy as np
import pytest
import torch
from numeric import EPS, Rounding, alike, apart, close


def test_what_is_allowed_is_allowed_and_nothing_more() -> None:
    close([1.0, 2.0], np.array([1.0, 2.0 + 1e-6]), rtol=1e-6)
    for found, expected in ((2.0, 2.1), (2.0, float("nan")), (float("inf"), 2.0), (torch.tensor(2.0), torch.tensor(2))):
        with pytest.raises(AssertionError):
            close(found, expected, rtol=1e-2)
    with pytest.raises(AssertionError):
        close([1.0, 2.0], [1.0], atol=9.0)
    with pytest.raises(AssertionError):
        close(1.0, 1.0 + 1e-12)
    alike([1e-9, 1.0], [0.0, 1.0], rtol=1e-8)
    with pytest.raises(AssertionError):
        alike([1e-7, 1.0], [0.0, 1.0], rtol=1e-8)
    apart([1.0, 2.0], [1.0, 3.0], by=0.5)
    with pytest.raises(AssertionError):
        apart([1.0, 2.0], [1.0, 2.1], by=0.5)


def test_shares_are_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric, "margins", tmp_path / "m")
    close([1.0, 4.0], [1.0, 5.0], atol=2.0, what="this")
    apart(1.0, 3.0, by=0.5)
    lines = [json.loads(line) for line in (tmp_path / "m").read_text().splitlines()]
    assert [(line["share"], line["what"]) for line in lines] == [(0.5, "this"), (0.25, "")]
    assert lines[0]["test"].endswith("::test_shares_are_written_down")


def test_other_roundings_are_a_unit_off_and_the_same_each_time() -> None:
    a, b = (torch.randn(30, 30, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    exact = a @ b
    with Rounding(1):
        first, again, half = a @ b, a @ b, a.bfloat16() @ b.bfloat16()
    with Rounding(2):
        other = a @ b
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 0.5 < (first != exact).float().mean() < 0.8
    close(first, exact, rtol=EPS)
    assert 0 < (half != a.bfloat16() @ b.bfloat16()).sum() < 40


def test_every_process_has_the_threads_that_were_asked_for(pytestconfig: pytest.Config) -> None:
    count = pytestconfig.getoption("--threads")
    assert torch.get_num_threads() == count
    code = "import torch, numba; print(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(count)] * 2
