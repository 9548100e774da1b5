"""Answers that are alike beyond what the class has in common.

copydetect turns code into a text in which names, strings, comments and white space no longer
differ, and hashes its runs. Its detector is not used: it compares every pair, reads files, and
calls a pair alike above a fixed share, which most pairs of right answers to a small exercise pass.
What counts here is the length of the runs that *few* hold:

- A run that stands in the release counts for nothing, and neither does one that more than
  ``COMMON_SHARE`` of the class or more than ``COMMON_MOST`` submissions hold.
- For every student the closest other one is looked for. A pair is reported if it shares at least
  ``TIMES`` the median of what these closest ones share, and at least ``LEAST`` characters.

A pair needs a run that few hold, so only those are paired, and the work grows with the number of
submissions and not with the number of pairs. Likeness is a reason to look, never a proof.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np

from autograder import html
from autograder.course import Course
from autograder.feedback import read_notebook

RUN = 25
"""Characters of the normalised text that must agree at a stretch; copydetect's own default."""
COMMON_SHARE = 0.1
COMMON_MOST = 10
"""A run that more submissions hold is common (but two may always hold it)."""
TIMES = 3.0
LEAST = 100
"""Characters of the normalised text, some four lines."""
SHOWN = 20
"""Pairs that a page shows side by side."""

Answers = Mapping[str, str]
"""The source of every answer cell of one submission, by the name of its exercise."""


@dataclass(frozen=True)
class Text:
    """The normalised text of one cell.

    ``runs`` holds the hash of every run of ``RUN`` characters in order, ``lines`` the line (from 0)
    of the source from which each character comes.
    """

    runs: np.ndarray
    lines: np.ndarray


@dataclass(frozen=True)
class Passage:
    """Lines of one cell (both ends included, from 1) in which the runs of a pair stand."""

    first: int
    last: int

    @property
    def words(self) -> str:
        lines = f"{self.first}–{self.last}" if self.last > self.first else f"{self.first}"
        return f"line {lines}" if self.last == self.first else f"lines {lines}"


@dataclass(frozen=True)
class Side:
    """One student's half of a comparison: the cells with something alike, and where."""

    student: str
    cells: Mapping[str, str]
    passages: Mapping[str, tuple[Passage, ...]]


@dataclass(frozen=True)
class Pair:
    """Two submissions that share more than others do.

    ``shared`` is the number of characters of normalised text in runs that few hold (the smaller of
    the two sides), ``share`` that number over the length of the shorter submission, ``common``
    holds those runs.
    """

    students: tuple[str, str]
    shared: int
    share: float
    common: frozenset[int] = field(default=frozenset(), repr=False, compare=False)


@dataclass(frozen=True)
class Likeness:
    """The outcome for a class.

    Attributes:
        students: submissions that were compared.
        limit: at most so many submissions may hold a run that counts.
        usual: median of what the closest other submission shares.
        fence: what a reported pair shares at least.
        pairs: those, the most alike first.
        closest: for every submission what it shares with its closest other one.
    """

    students: int = 0
    limit: int = 2
    usual: int = 0
    fence: float = LEAST
    pairs: tuple[Pair, ...] = ()
    closest: Mapping[str, int] = field(default_factory=dict)


# --- reading --------------------------------------------------------------------------------------


def answers_of(notebook: Mapping) -> dict[str, str]:
    """The code cells for answers in a notebook with nbgrader's metadata."""
    found = {}
    for cell in notebook["cells"]:
        meta = cell.get("metadata", {}).get("nbgrader", {})
        if cell.get("cell_type") == "code" and meta.get("solution") and not meta.get("grade"):
            source = cell.get("source", "").replace("\r\n", "\n").replace("\r", "\n")
            found[str(meta.get("grade_id", ""))] = source[: html.MAX_SOURCE]
    return found


def class_answers(course: Course, assignment: str, students: Iterable[str]) -> dict[str, Answers]:
    """The answers of ``students`` as they were graded; who has no graded notebook is left out."""
    found = {}
    for student in students:
        path = course.autograded / student / assignment / f"{assignment}.ipynb"
        if answers := answers_of(read_notebook(path)):
            found[student] = answers
    return found


# --- comparing ------------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)  # most leave some cells as they were, and pairs are looked at twice
def normalise(source: str) -> Text:
    """The normalised text of Python source; what is no Python becomes tokens, too."""
    from copydetect.utils import filter_code, hashed_kgrams

    text, offsets = filter_code(source, "answer.py", "python")
    # The entry behind the name of a class lacks what was removed before; see filter_code.
    removed = np.maximum.accumulate(offsets[:, 1])
    last = np.searchsorted(offsets[:, 0], np.arange(len(text)), side="left") - 1
    places = np.arange(len(text)) + removed[np.maximum(last, 0)]
    starts = [0, *(i + 1 for i, c in enumerate(source) if c == "\n")]
    lines = np.searchsorted(starts, places, side="right") - 1
    return Text(hashed_kgrams(text, RUN), np.minimum(lines, len(starts) - 1))


def covered(text: Text, runs: Set[int]) -> np.ndarray:
    """Which characters of ``text`` stand in one of ``runs``: (characters,) booleans."""
    marks = np.zeros(len(text.lines) + 1, dtype=int)
    places = [i for i, run in enumerate(text.runs.tolist()) if run in runs]
    np.add.at(marks, places, 1)
    np.add.at(marks, [i + RUN for i in places], -1)
    return marks.cumsum()[:-1] > 0


def runs_of(answers: Answers) -> set[int]:
    return {run for source in answers.values() for run in normalise(source).runs.tolist()}


def places_of(answers: Answers) -> dict[int, list[int]]:
    """Where the runs of a submission begin, its cells one after the other with a gap between."""
    found: dict[int, list[int]] = {}
    start = 0
    for source in answers.values():
        runs = normalise(source).runs.tolist()
        for i, run in enumerate(runs, start):
            found.setdefault(run, []).append(i)
        start += len(runs) + RUN
    return found


def length(places: Mapping[int, list[int]], runs: Set[int]) -> int:
    """Characters of a submission that stand in one of ``runs``, each counted once."""
    starts = sorted(i for run in runs for i in places[run])
    return sum(min(RUN, b - a) for a, b in pairwise([*starts, starts[-1] + RUN])) if starts else 0


def rare_runs(answers: Mapping[str, Answers], release: Answers) -> tuple[dict[str, set[int]], int]:
    """The runs of every submission that neither the release nor many others hold, and the limit."""
    given = runs_of(release)
    own = {student: runs_of(cells) - given for student, cells in answers.items()}
    holders = Counter(run for runs in own.values() for run in runs)
    limit = max(2, min(COMMON_MOST, int(COMMON_SHARE * len(answers))))
    return {s: {r for r in runs if 2 <= holders[r] <= limit} for s, runs in own.items()}, limit


def shared_runs(rare: Mapping[str, set[int]]) -> dict[tuple[str, str], set[int]]:
    """The rare runs that two submissions share, for every pair that shares any."""
    holders: dict[int, list[str]] = defaultdict(list)
    for student in sorted(rare):
        for run in rare[student]:
            holders[run].append(student)
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for run, students in holders.items():
        for pair in combinations(students, 2):
            found[pair].add(run)
    return dict(found)


def compare(answers: Mapping[str, Answers], release: Answers) -> Likeness:
    """Find the submissions that are alike beyond what the class has in common.

    Args:
        answers: of every student.
        release: the answer cells as they were handed out.
    """
    rare, limit = rare_runs(answers, release)
    runs = shared_runs(rare)
    places = {student: places_of(cells) for student, cells in answers.items()}
    given = runs_of(release)
    amounts = {
        pair: min(length(places[student], common) for student in pair)
        for pair, common in runs.items()
    }
    closest = dict.fromkeys(sorted(answers), 0)
    for pair, amount in amounts.items():
        for student in pair:
            closest[student] = max(closest[student], amount)
    usual = statistics.median_low(closest.values()) if closest else 0
    fence = max(LEAST, TIMES * usual)
    sizes: dict[str, int] = {}
    pairs = []
    for pair, amount in amounts.items():
        if amount >= fence:
            for student in pair:
                sizes.setdefault(student, length(places[student], set(places[student]) - given))
            share = amount / max(min(sizes[s] for s in pair), 1)
            pairs.append(Pair(pair, amount, share, frozenset(runs[pair])))
    pairs.sort(key=lambda p: (-p.shared, p.students))
    return Likeness(len(answers), limit, usual, fence, tuple(pairs), closest)


# --- showing --------------------------------------------------------------------------------------


def sides(pair: Pair, answers: Mapping[str, Answers]) -> tuple[Side, Side]:
    """The two halves of a comparison: every cell with a passage that few others hold."""
    first, second = (side(s, answers[s], pair.common) for s in pair.students)
    return first, second


def side(student: str, answers: Answers, common: Set[int]) -> Side:
    """The cells of a student in which one of the runs stands."""
    passages = {name: passages_of(source, common) for name, source in answers.items()}
    named = {name: found for name, found in passages.items() if found}
    return Side(student, {name: answers[name] for name in named}, named)


def passages_of(source: str, common: Set[int]) -> tuple[Passage, ...]:
    """The lines of a cell that stand, by more than half, in one of the runs."""
    text = normalise(source)
    marks = covered(text, common)
    lines = [int(line) for line in np.unique(text.lines) if marks[text.lines == line].mean() > 0.5]
    ends = [i for i, (a, b) in enumerate(pairwise(lines)) if not only_blank(source, a, b)]
    starts = [0, *(i + 1 for i in ends)]
    return tuple(
        Passage(lines[i] + 1, lines[j] + 1)
        for i, j in zip(starts, [*ends, len(lines) - 1])
        if lines
    )


def only_blank(source: str, a: int, b: int) -> bool:
    """Whether nothing but empty lines and comments stands between two lines of a source."""
    between = source.split("\n")[a + 1 : b]
    return all(not line.strip() or line.strip().startswith("#") for line in between)
