"""Pure functions from a puzzle and its refinement steps to rich renderables. Knows no model, reads and prints nothing.

`scene.py` says what a picture is made of, `boards.py` has the board drawn by the puzzle's kind, `frame.py` puts the
board, the facts and the strip of all steps into a window, `film.py` says which moments are shown for how long,
`pictures.py` turns them into files: `page.py` lays them out, `vector.py` and `bitmap.py` draw.
"""

from trm_solve.kinds.base import Space
from trm_solve.render.boards import Drawing, board
from trm_solve.render.frame import frame, summary, verdict
from trm_solve.render.scene import Scene

__all__ = ["Drawing", "Scene", "Space", "board", "frame", "summary", "verdict"]
