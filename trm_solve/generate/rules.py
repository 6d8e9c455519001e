"""The families of rules of ARC-like tasks, by name.

A family draws a *rule*: which colours, which direction, how often. A rule draws pairs (input, output) that it links.
"""

from __future__ import annotations

from trm_solve.generate import rules_grid, rules_lines, rules_objects
from trm_solve.generate.shapes import Family

FAMILIES: dict[str, Family] = {
    make.__name__.replace("_", "-"): make for part in (rules_grid, rules_objects, rules_lines) for make in part.FAMILIES
}
