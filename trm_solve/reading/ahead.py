"""The first lines of a text, looked at before it is read."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator

HEAD = 64  # lines that are looked at to tell what a text holds


def ahead(lines: Iterable[str], *, part: bool = False) -> tuple[list[str], Iterator[str]]:
    """The first lines from the first that is not blank, none where all are; and all lines, numbered as they were.

    With `part` no further than the next blank line: the rest may not have been written yet.
    """
    lines = iter(lines)
    blank, first, kept = 0, "", deque[str](maxlen=HEAD)  # a line of spaces may be a row
    for first in lines:
        if first.strip():
            break
        blank += 1
        kept.append(first)
    else:
        return [], itertools.repeat("\n", blank)
    before = itertools.chain(itertools.repeat("\n", blank - len(kept)), kept)
    head = [first]
    for line in lines:
        head.append(line)
        if len(head) == HEAD or (part and not line.strip()):
            break
    return head, itertools.chain(before, head, lines)
