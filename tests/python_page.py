"""The reference part of docs/python.md, made from signatures and docstrings. As a program, it writes the page anew."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import trm_solve

PAGE = Path(__file__).parent.parent / "docs" / "python.md"
MARK = "<!-- made from the docstrings by `make docs` -->\n"
FUNCTIONS = (
    *("solve", "steps", "solve_many", "read", "frame", "evaluate", "train", "adapt", "generate"),
    *("load", "save", "push", "models"),
)
CLASSES = ("Puzzle", "Step", "Solution", "Evaluation", "Training", "SolveOptions", "AdaptOptions")


def text_of(thing: object) -> str:
    """A docstring, its examples as code."""
    text = inspect.getdoc(thing) or ""
    return re.sub(r"((?:^>>> .*\n?(?:^(?!>>>).+\n?)*)+)", r"```pycon\n\1\n```", text, flags=re.MULTILINE).replace(
        "\n\n```\n", "\n```\n"
    )


def signature(name: str) -> str:
    """A call, without types; defaults that are objects as `...`."""
    given = inspect.signature(getattr(trm_solve, name))
    plain = []
    for each in given.parameters.values():
        default = each.default
        simple = default is each.empty or isinstance(default, str | int | float | bool | tuple | type(None))
        plain.append(each.replace(annotation=each.empty, default=default if simple else ...))
    shown = str(given.replace(parameters=plain, return_annotation=given.empty)).replace("Ellipsis", "...")
    return f"{name}{shown}"


def members(cls: type) -> list[str]:
    """A line for each field, property and method."""
    source = inspect.getsource(cls)
    found = []
    for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if match := re.search(rf"^    {field.name}: .*?(?:  # (.*))?$", source, re.MULTILINE):
            found.append(f"- `{field.name}`" + (f": {match[1]}" if match[1] else ""))
    for name, member in cls.__dict__.items():
        thing = member.fget if isinstance(member, property) else member
        if not name.startswith("_") and inspect.isfunction(thing) and thing.__doc__:
            call = name if isinstance(member, property) else f"{name}()"
            found.append(f"- `{call}`: {' '.join((inspect.getdoc(thing) or '').split(chr(10) * 2)[0].split())}")
    return found


def reference() -> str:
    parts = [MARK, "\n## Functions\n"]
    for name in FUNCTIONS:
        parts.append(f"\n### {name}\n\n```text\n{signature(name)}\n```\n\n{text_of(getattr(trm_solve, name))}\n")
    parts.append("\n## What comes and goes\n")
    for name in CLASSES:
        cls = getattr(trm_solve, name)
        parts.append(f"\n### {name}\n\n{text_of(cls)}\n\n" + "\n".join(members(cls)) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    kept = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(kept + reference(), encoding="utf-8")
