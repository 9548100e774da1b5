"""Marks and comments that stand in nbgrader's gradebook, read only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autograder.gradebook import check_version, quiet


@dataclass(frozen=True)
class Mark:
    """The mark of one graded cell. ``waits`` is true while a person has to give it."""

    max_score: float
    auto_score: float | None
    manual_score: float | None
    extra_credit: float
    waits: bool

    @property
    def score(self) -> float:
        """The points, as nbgrader counts them: a person's mark goes before the grader's."""
        base = self.manual_score if self.manual_score is not None else self.auto_score
        return (base or 0.0) + self.extra_credit

    @property
    def by_person(self) -> bool:
        return self.manual_score is not None or self.extra_credit != 0


@dataclass(frozen=True)
class Marks:
    """What the gradebook holds about one submission, by ``grade_id``."""

    marks: dict[str, Mark] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    late_penalty: float = 0.0


def read_marks(url: str, assignment: str, student: str | None = None) -> dict[str, Marks]:
    """The marks of an assignment by student; of one student where it is given.

    Args:
        url: the gradebook, as in nbgrader's ``db_url``. An sqlite file that does not exist holds
            nothing (nbgrader would create it).

    Raises:
        GradebookError: the gradebook is of another version or cannot be read.
        sqlalchemy.exc.OperationalError: it stays locked.
    """
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///"):
        if not path.is_file():
            return {}
        check_version(path.resolve())
    from nbgrader.api import Gradebook, MissingEntry

    with quiet(), Gradebook(url) as gradebook:
        try:
            if student is None:
                submissions = gradebook.assignment_submissions(assignment)
            else:
                submissions = [gradebook.find_submission(assignment, student)]
        except MissingEntry:
            return {}
        return {submission.student.id: _marks_of(submission) for submission in submissions}


def _marks_of(submission: object) -> Marks:
    marks, comments = {}, {}
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            marks[grade.name] = Mark(
                max_score=float(grade.max_score or 0.0),
                auto_score=grade.auto_score,
                manual_score=grade.manual_score,
                extra_credit=float(grade.extra_credit or 0.0),
                waits=bool(grade.needs_manual_grade),
            )
        comments |= {c.name: c.comment for c in notebook.comments if c.comment}
    return Marks(marks, comments, float(submission.late_submission_penalty or 0.0))
