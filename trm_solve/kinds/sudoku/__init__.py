"""Sudoku: all of this kind of puzzle.

`kind.py` symbols, tokens and all that a kind says, `command.py` its options of `trm-solve generate`,
`rules.py` units and clashes, `text.py` the forms in files, `drawing.py` the board, `augment.py` symmetric copies in
training, `generate.py` new puzzles (`makers.py`, `kernels.py`), `exact.py` counts solutions.
"""
