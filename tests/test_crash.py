"""A little of `make crash`, at the same moments of processor time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")
def test_killed_processes_lose_nothing_and_count_nothing_twice() -> None:
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, HERE / "crash.py", "--kills", "1", "--seed", "5", "--only", "train", "eval"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing lost, nothing counted twice") == 2
