"""Shared by all tests: the command line run inside the process, folders of the user kept out of reach, and threads."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = Path(__file__).parent.parent / "examples"

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # the machine's speed decides nothing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--threads", type=int, default=1, help="threads of every process (default: %(default)s)")
    parser.addoption("--rounding", type=int, default=0, help="draw other roundings in numeric tests, from this seed")
    parser.addoption("--margins", type=Path, help="append to this file what share of each allowed difference is used")


def pytest_configure(config: pytest.Config) -> None:
    """Threads are asked for before anything is imported that would start them: here and in all processes of the tests.

    One by default: workers of pytest-xdist share the cores, and threads that outnumber these wait for each other at
    every product. Waiting threads sleep (PASSIVE) rather than keep the core from the one that is waited for.
    """
    count = str(config.getoption("--threads"))
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count)
    os.environ |= {"NUMBA_NUM_THREADS": count, "OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """A shell starts what it puts into the background with Ctrl-C ignored, nohup what it starts with SIGHUP ignored.

    Children would inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _threads(pytestconfig: pytest.Config) -> None:
    """Also where a plugin imported torch before the environment was set."""
    import numeric
    import torch

    torch.set_num_threads(pytestconfig.getoption("--threads"))
    numeric.margins = pytestconfig.getoption("--margins")


@pytest.fixture(autouse=True)
def _rounding(request: pytest.FixtureRequest) -> Iterator[None]:
    import numeric

    seed = request.config.getoption("--rounding")
    with numeric.Rounding(seed) if seed else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's settings or touches a network."""
    for name in ("TRM_MODEL", "TRM_DEVICE", "TRM_DEBUG", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # a mistyped path is a name on the hub


@pytest.fixture
def trm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run the command line in this process: `trm("solve", path)`."""

    def run(*arguments: str | Path) -> Outcome:
        from trm_solve.cli import main

        monkeypatch.setattr(sys, "argv", ["trm-solve", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), captured.out, captured.err)

    return run
