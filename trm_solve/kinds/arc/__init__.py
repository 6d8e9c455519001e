"""ARC: all of this kind of puzzle.

`kind.py` symbols, tokens and all that a kind says, `command.py` its options of `trm-solve generate`,
`text.py` tasks as JSON, `tokens.py` grids on the canvas, `copies.py` the copies by which a task is multiplied,
`knowledge.py` all that is said of tasks (`Tasks`), `known.py` the public ones by content, `examples.py` what is learned
from them, `dataset.py` the public data sets anew, `submission.py` the official form of answers, `drawing.py` the board.
"""
