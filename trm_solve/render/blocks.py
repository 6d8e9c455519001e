"""Half blocks: two rows of coloured cells a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text


def blocks(colors: NDArray[np.object_]) -> list[Text]:
    """Two rows of cells a line."""
    if len(colors) % 2:
        colors = np.concatenate([colors, np.full((1, colors.shape[1]), None, np.object_)])
    lines = []
    for upper, lower in zip(colors[::2], colors[1::2], strict=True):
        line = Text()
        for up, low in zip(upper, lower, strict=True):
            if up == low:
                line.append(" " if up is None else "█", up or "")
            elif up is None:
                line.append("▄", low)
            else:
                line.append("▀", Style(color=up, bgcolor=low))
        lines.append(line)
    return lines
