"""Sudoku files made from one puzzle by its symmetries, for tests of reading and training."""

from __future__ import annotations

from pathlib import Path

QUESTION = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def rows(count: int) -> list[str]:
    """CSV rows `source,question,answer,rating` of puzzles that differ, rated 0, 1, 2, ..."""
    digits = str.maketrans("123456789", "234567891")
    question, answer, made = QUESTION, ANSWER, []
    for rating in range(count):
        made.append(f"mine,{question},{answer},{rating}")
        question, answer = question.translate(digits), answer.translate(digits)
        if rating % 9 == 8:  # digits are back where they were: move the bands
            question, answer = question[27:] + question[:27], answer[27:] + answer[:27]
    return made


def write_csv(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(["source,question,answer,rating", *lines]) + "\n")
    return str(path)
