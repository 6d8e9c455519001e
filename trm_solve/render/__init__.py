"""Pure functions from a puzzle and its refinement steps to rich renderables. Knows no model, reads and prints nothing.

`scene.py` says what a picture is made of, `boards.py` draws a puzzle kind's board, `frame.py` puts the board, the facts
and the strip of all steps into a window, `pictures.py` turns frames into files.
"""

from trm_solve.render.boards import BOARDS, Drawing, board
from trm_solve.render.frame import frame, summary, verdict
from trm_solve.render.scene import Scene, Space

__all__ = ["BOARDS", "Drawing", "Scene", "Space", "board", "frame", "summary", "verdict"]
