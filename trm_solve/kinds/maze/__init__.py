"""Mazes: all of this kind of puzzle.

`kind.py` symbols, tokens and all that a kind says, `command.py` its options of `trm-solve generate`,
`paths.py` shortest paths and flaws, `text.py` the forms in files, `drawing.py` the board, `augment.py` turned and moved
copies in training, `generate.py` new mazes (`kernels.py`).
"""
