"""How often and when students handed in, from what lies under ``grading/``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from autograder import lms
from autograder.course import Course
from autograder.sanitize import RawSubmission, read_submission
from autograder.terms import Terms

MARK = 12
"""Characters of the hash in the name of a kept version; see :func:`autograder.collect.keep`."""


@dataclass(frozen=True)
class HandIn:
    """What is known of a student's hand-ins of one assignment.

    Attributes:
        attempts: different versions that were collected; 0 if nothing lies there any more.
        when: time of the version that counts, UTC without a zone; None if nobody noted it.
        due: this student's date, UTC without a zone; None without one.
    """

    attempts: int = 0
    when: datetime | None = None
    due: datetime | None = None

    @property
    def before_due(self) -> timedelta | None:
        """Time between hand-in and due date, negative after it."""
        return None if self.when is None or self.due is None else self.due - self.when


def hand_in(course: Course, assignment: str, student: str, terms: Terms | None) -> HandIn:
    """The hand-ins of a student, from ``grading/collected`` and ``grading/submitted``."""
    raw = read_submission(course.submitted / student / assignment, assignment)
    kept = course.grading / "collected" / assignment / student
    versions = {p.stem[-MARK:] for p in kept.glob("*.ipynb")}
    if raw.data is not None:
        versions.add(hashlib.sha256(raw.data).hexdigest()[:MARK])
    return HandIn(
        attempts=len(versions),
        when=time_of(raw),
        due=terms.due_for(assignment, student) if terms else None,
    )


def time_of(raw: RawSubmission) -> datetime | None:
    """The time stamp of a submission in UTC without a zone; None if there is none to be read."""
    text = lms.comparable_time(raw.timestamp)
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Bucket:
    """Submissions that were handed in within one stretch of time before or after the due date."""

    label: str
    words: str
    count: int


HOUR = timedelta(hours=1)
STRETCHES = (
    ("> 7 days", "more than 7 days before", 7 * 24 * HOUR),
    ("3–7 days", "3 to 7 days before", 3 * 24 * HOUR),
    ("1–3 days", "1 to 3 days before", 24 * HOUR),
    ("6–24 h", "6 to 24 hours before", 6 * HOUR),
    ("last 6 h", "in the last 6 hours", 0 * HOUR),
    ("late", "after the due date", timedelta.min),
)
"""Label, words and the least time before the due date; the first that fits counts."""


def timing(hand_ins: Iterable[HandIn]) -> tuple[Bucket, ...]:
    """Count hand-ins by the time before the due date; () if nobody has both times."""
    times = [h.before_due for h in hand_ins if h.before_due is not None]
    if not times:
        return ()
    counts = Counter(next(label for label, _, least in STRETCHES if t >= least) for t in times)
    return tuple(Bucket(label, words, counts[label]) for label, words, _ in STRETCHES)
