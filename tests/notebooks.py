"""Executes the notebooks of examples/ from top to bottom, in a kernel without a network, and stores what they show.

`make notebooks` writes them anew; look at them before you commit them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples").glob("*.ipynb"))


def execute(path: Path) -> None:
    """Raises nbclient's `CellExecutionError` where a cell fails."""
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,  # so that the same outputs make the same file
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # not which version it was
    nbformat.write(notebook, path)


if __name__ == "__main__":
    os.environ |= {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    for each in NOTEBOOKS:
        start = time.perf_counter()
        execute(each)
        print(f"{each.name}: {time.perf_counter() - start:.0f} seconds")
