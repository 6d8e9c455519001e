"""The README is short, and the help texts in docs/cli.md are the real ones. `make docs` (this file as a program) writes
them anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cli.md"
BLOCK = re.compile(r"(<!-- help: (.*?) -->\n```text\n)(.*?)(```)", re.DOTALL)


def real_help(command: str) -> str:
    """What `trm-solve COMMAND --help` prints in a plain terminal of 80 columns."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("TRM_", "_TYPER")) and k != "FORCE_COLOR"}
    environment = keep | {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb"}
    arguments = [*command.split()[1:], "--help"]
    code = f"import sys; sys.argv = ['trm-solve', *{arguments!r}]; from trm_solve.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip() + "\n"


BLOCKS = {match[2]: match[3] for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("command", BLOCKS)
def test_help_in_the_docs_is_the_real_one(command: str) -> None:
    assert BLOCKS[command] == real_help(command), "run `make docs`"


def test_every_command_has_its_help_in_the_docs() -> None:
    commands = re.findall(r"^│ ([a-z]+) ", real_help("trm-solve").split("Commands")[1], re.MULTILINE)
    assert commands
    assert {"trm-solve", *(f"trm-solve {name}" for name in commands)} <= set(BLOCKS)


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= 12 * 1024


def test_links_lead_somewhere() -> None:
    """Files beside the page, and the headings in them."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if link.startswith("https://"):
                continue
            name, _, heading = link.partition("#")
            target = page.parent / name
            assert target.exists(), f"{page.name}: {link}"
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            known = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert not heading or heading in known, f"{page.name}: {link}"


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda m: m[1] + real_help(m[2]) + m[4], old), encoding="utf-8")
