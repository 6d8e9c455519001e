"""Puzzles that ship with the program, and what a name that stands for no file may have meant. Standard library only.

`example:NAME` is accepted wherever a file is: NAME is that of a file in the examples folder, without its suffix.
"""

from __future__ import annotations

import contextlib
import difflib
from functools import cache
from pathlib import Path

from trm_solve.errors import InputError
from trm_solve.strict import nearest

PREFIX = "example:"
READING = (".md", ".ipynb")  # what lies there to be read by people
CLOSE = 0.7  # how like another a name must be to be taken for a slip of the finger


def folder() -> Path:
    """Where they lie: inside the package in a wheel, beside it in a checkout or editable install."""
    package = Path(__file__).resolve().parent
    return package / "examples" if (package / "examples").is_dir() else package.parent / "examples"


@cache
def files() -> dict[str, Path]:
    """The examples by name, in order."""
    home = folder()
    found = sorted(path for path in home.rglob("*") if path.is_file() and path.suffix not in READING)
    return {path.relative_to(home).with_suffix("").as_posix(): path for path in found}


def is_example(name: str | Path) -> bool:
    return str(name).startswith(PREFIX)


def locate(name: str | Path) -> Path:
    """The file that a person named: an example, or what the path says. Raises `InputError` that offers the nearest."""
    text = str(name)
    if not is_example(text):
        return Path(name)
    wanted = text.removeprefix(PREFIX)
    for known, path in files().items():
        if wanted in (known, f"{known}{path.suffix}"):
            return path
    raise InputError(f"no example '{wanted}'", nearest(text, [PREFIX + known for known in files()]))


def existing(name: str | Path) -> Path:
    """As `locate`; raises `InputError` for what is not there."""
    path = locate(name)
    if not path.exists():
        raise InputError(f"{path}: no such file or directory", meant(path))
    return path


def meant(name: str | Path) -> str:
    """A hint for a file that is not there: the example or the file beside it whose name is nearest; or nothing."""
    path = Path(name)
    if path.exists():
        return ""
    known = {f"examples/{each}{at.suffix}": PREFIX + each for each, at in files().items()}
    known |= {each: PREFIX + each for each in files()}
    with contextlib.suppress(OSError):  # no such folder either
        known |= {str(each): str(each) for each in path.parent.iterdir()}
    close = difflib.get_close_matches(str(path), list(known), n=1, cutoff=CLOSE)
    return f"did you mean '{known[close[0]]}'?" if close else ""
