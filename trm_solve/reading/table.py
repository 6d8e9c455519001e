"""Tables: which character parts the columns, whether there is a header, which columns hold what."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trm_solve.errors import InputError

SEPARATORS = ",;\t|"
QUESTION = (
    *("question", "puzzle", "puzzles", "quiz", "quizzes", "board", "grid", "clues", "givens"),
    *("data", "problem", "input"),
)
ANSWER = ("answer", "answers", "solution", "solutions", "solved", "label", "output")
RATING = ("rating", "difficulty", "level", "score")
COLUMNS = ("columns", "cols", "width")
FEWEST, MOST = 32, 1024  # rows in a block
NONE = ("", "none", "null", "nan", "n/a", "na", "-", "?")  # words for no answer


@dataclass(frozen=True)
class Table:
    """The form of a table. Places of columns are None where there is no such column."""

    separator: str
    header: bool
    question: int
    answer: int | None
    rating: int | None
    columns: int | None
    note: str = ""  # what a person should know


class Row(NamedTuple):
    """What one row says, in words. Files have millions: a tuple is made in no time."""

    number: int  # of its first line
    question: str
    answer: str = ""
    rating: str = ""
    columns: str = ""
    note: str = ""  # what a person should know
    text: str | Sequence[str] = ""  # the line, or its fields, for the places of errors

    def place(self, source: str, text: str, offset: int, skipped: Collection[str] = ()) -> str:
        """`source:line:column` of a character of the question or the answer, from which `skipped` ones were dropped."""
        line = self.text if isinstance(self.text, str) else ",".join(self.text)
        at = line.find(text)
        if at < 0:
            kept = (place for place, character in enumerate(line) if character not in skipped)
            return f"{source}:{self.number}:{next(itertools.islice(kept, offset, None), 0) + 1}"
        return f"{source}:{self.number}:{at + offset + 1}"


def is_header(head: list[str], kinds: Collection[str]) -> bool:
    """Whether a text is the names of columns and nothing else."""
    names = {name.strip().lower() for mark in SEPARATORS for name in split(head[0], mark)}
    return len(head) == 1 and any(name in names for name in (*QUESTION, *kinds))


def split(line: str, separator: str) -> list[str]:
    """Fields of a line; none where it is no CSV."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def sniff(
    head: Iterable[str],
    is_question: Callable[[str], bool],
    is_answer: Callable[[str], bool],
    name: str,
    comment: str = "",
    separators: str = SEPARATORS,
) -> Table | None:
    """The form of a table that begins with these lines; None where it is none.

    It is one where a header names a column of questions, or where a field is one by its content. Names come first: a
    row that is not what its header says is then told as that. `name` is the kind's, which a column may have.
    """
    text = [line for line in head if line.strip() and not (comment and line.lstrip().startswith(comment))]
    for separator in separators:
        try:
            rows = list(itertools.islice(csv.reader(text, delimiter=separator), 12))
        except csv.Error:
            continue
        rows = [row for row in rows if row]
        indented = separator == "\t" and all(not row[0].strip() for row in rows)
        if rows and not indented and (found := _form(rows, separator, is_question, is_answer, name)) is not None:
            return found
    return None


def _form(
    rows: list[list[str]],
    separator: str,
    is_question: Callable[[str], bool],
    is_answer: Callable[[str], bool],
    name: str,
) -> Table | None:
    names = [field.strip().strip("\ufeff").lower() for field in rows[0]]
    named = {part: _named(names, known) for part, known in _KNOWN.items()}
    if named["question"] is None and name in names:
        named["question"] = names.index(name)
    content = [place for place, field in enumerate(rows[0]) if is_question(field)]
    body = rows if content else rows[1:]
    found = next(([p for p, field in enumerate(row) if is_question(field)] for row in body if row), [])
    if not content and named["question"] is not None:
        # a lone word may be a caption over a grid
        if len(names) == 1 and not found:
            return None
        question = named["question"]
        if found and question not in found and not any(len(r) > question and len(r[question]) > 8 for r in rows[1:3]):
            question = found[0]
        answer = named["answer"]
    elif found and max(map(len, rows)) > 1:
        blank = [p for p in found if any(len(row) > p and not is_answer(row[p]) for row in body)]
        question = (blank or found)[0]
        others = [p for p in found if p != question and all(len(r) <= p or is_answer(r[p]) for r in body)]
        answer = others[0] if others else named["answer"]
        if answer is None and content:  # the next column, where it is no number
            nearest = question + 1
            beside = [row[nearest] for row in body if len(row) > nearest and row[nearest].strip()]
            is_label = any(rating_of(field) is None for field in beside)
            more = all(is_question(field) and not is_answer(field) for field in beside)  # puzzles, not answers
            answer = nearest if is_label and not more and separator != "|" else None
    else:
        return None
    rating = named["rating"]
    if rating is None and content:
        after = max(question, -1 if answer is None else answer) + 1
        columns = range(after, max(map(len, rows)))
        rating = next((p for p in columns if any(len(r) > p and rating_of(r[p]) is not None for r in rows)), None)
    puzzles = {question, *(p for p in found if any(len(row) > p and not is_answer(row[p]) for row in body))} - {answer}
    note = ""
    if len(puzzles) > 1:
        places = " and ".join(str(place + 1) for place in sorted(puzzles))
        note = f"columns {places} hold puzzles, those of column {question + 1} are taken"
    return Table(separator, not content, question, answer, rating, named["columns"], note)


_KNOWN = {"question": QUESTION, "answer": ANSWER, "rating": RATING, "columns": COLUMNS}


def _named(names: list[str], known: Collection[str]) -> int | None:
    return next((place for place, name in enumerate(names) if name in known), None)


def read_rows(lines: Iterable[str], table: Table, source: str, comment: str = "") -> Iterator[Row | InputError]:
    """The rows of a table below its header; one that is no CSV comes as an error. `comment` begins lines to skip."""
    if comment:
        lines = ("\n" if comment in line and line.lstrip().startswith(comment) else line for line in lines)
    reader = csv.reader(lines, delimiter=table.separator)
    header, note = table.header, table.note  # told once
    places = [table.question, table.answer, table.rating, table.columns]
    first, last = table.question, max(place for place in places if place is not None)
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield InputError(f"{source}:{start}: not CSV ({error})")
            continue
        if not fields or (len(fields) == 1 and not fields[0].strip()):
            continue
        if header:
            header = False
            continue
        if len(fields) > last:
            said = ["" if place is None else fields[place] for place in places]
        else:
            said = [fields[place] if place is not None and place < len(fields) else "" for place in places]
        if not said[0] and len(fields) <= first:
            yield InputError(f"{source}:{start}: {len(fields)} columns, the puzzle stands in column {first + 1}")
            continue
        yield Row(start, said[0], said[1], said[2], said[3], note, fields)
        note = ""


def in_blocks(rows: Iterable[Row | InputError]) -> Iterator[list[Row | InputError]]:
    """The rows, some at once: few at first, as a pipe is answered soon, then many, as a file is read fast."""
    rows, size = iter(rows), FEWEST
    while block := list(itertools.islice(rows, size)):
        yield block
        size = min(2 * size, MOST)


def rating_of(text: str) -> float | None:
    """A row's rating; words, `nan` and `inf` are none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
