"""ARC checkpoints are identifier rows, nearly all of them: solving a task must not hold the table in memory.

Measured on Linux, 876,406 rows of width 16 (55 MiB): the peak of resident memory grows by 7 MiB while a model is
loaded, reads two rows and takes a step; by 59 MiB, clean pages of the raw file, while that is converted. At the public
width of 512 the table has 1.8 GB, and the rows that one task reads are as few.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from trm_solve.checkpoint import TABLE, WEIGHTS, save
from trm_solve.config import ModelConfig
from trm_solve.convert import convert
from trm_solve.model import TRM

ROWS, WIDTH = 876_406, 16
FIELDS = {"H_cycles": 1, "L_cycles": 1, "num_heads": 2, "pos_encodings": "rope", "puzzle_emb_len": 1}
SCRIPT = """
import json, sys, torch
from pathlib import Path
from trm_solve.checkpoint import save
from trm_solve.pretrained import load
from trm_solve.convert import convert

def status(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))  # KiB

def growth(do):
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    do()
    return status("VmHWM") - before

folder, raw, fields = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
load("sudoku")

def solve():
    global model, rows
    model = load(folder)
    rows = model.puzzle_rows(torch.tensor([3, 876_405]))
    with torch.inference_mode():
        e = model.embed(torch.ones(2, 900, dtype=torch.long), rows)
        model.step(e, *model.initial_state(e), model.positions())

found = {"solve": growth(solve)}
found["convert"] = growth(lambda: save(convert(raw, fields), folder.parent / "again"))
found["own"] = growth(lambda: model.puzzle_emb.own())
print(json.dumps({**found, "rows": rows.tolist()}))
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A raw state dict with as many rows as the public ARC-1 checkpoint."""
    torch.manual_seed(0)
    config = ModelConfig(
        kind="arc", grid=(30, 30), vocab_size=12, hidden_size=WIDTH, num_heads=2, intermediate_size=16, mlp_t=False,
        pos_encodings="rope", H_cycles=1, L_cycles=1, puzzle_emb_ndim=WIDTH, puzzle_emb_len=1,
    )  # fmt: skip
    tensors = {f"_orig_mod.model.inner.{name}": tensor for name, tensor in TRM(config).state_dict().items()}
    tensors[f"_orig_mod.model.inner.{TABLE}"] = torch.arange(ROWS * WIDTH, dtype=torch.float32).view(ROWS, WIDTH)
    path = tmp_path_factory.mktemp("large") / "step_1"
    torch.save(tensors, path)
    yield path
    shutil.rmtree(path.parent)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory as Linux tells it")
def test_the_table_stays_in_its_file(raw: Path) -> None:
    table = 4 * ROWS * WIDTH // 1024  # KiB
    folder = raw.parent / "converted"
    save(convert(raw, FIELDS), folder)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(raw), json.dumps(FIELDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rows"][1] == [float(ROWS * WIDTH - WIDTH + i) for i in range(WIDTH)]
    assert found["solve"] < 0.4 * table
    assert found["convert"] < 1.4 * table  # the raw file's pages, once; what is written is never held
    assert found["own"] > 0.9 * table  # what it would be
    assert (folder / WEIGHTS).read_bytes() == (raw.parent / "again" / WEIGHTS).read_bytes()
