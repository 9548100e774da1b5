"""The result of grading one submission: the record, and its short form for ``--json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from unrolled.verdict import Match, Row, Verdict

Status = Literal["graded", "unreadable", "missing"]


@dataclass(frozen=True)
class Result:
    """Everything that is known about one graded submission.

    ``notes`` says what was repaired or left out, in sentences for a person; ``needs_human`` is true
    when one of them needs a decision. ``written`` lists the written answers that wait for a
    person. ``cells`` is the executed notebook's cells (nbformat dicts) and is not part of the JSON
    record.
    """

    student: str
    assignment: str
    status: Status
    exercises: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    needs_human: bool = False
    written: tuple[str, ...] = ()
    seconds: float = 0.0
    submission_hash: str = ""
    bank_hash: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    cells: tuple[dict[str, Any], ...] = field(default=(), compare=False, repr=False)

    @property
    def score(self) -> float:
        return sum(v.points for v in self.exercises)

    @property
    def max_score(self) -> float:
        return sum(v.max_points for v in self.exercises)

    def to_record(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_record` makes an equal result."""
        record = asdict(replace(self, cells=()))
        del record["cells"]
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Result:
        verdicts = tuple(
            Verdict(
                **{
                    **v,
                    "rows": tuple(Row(**r) for r in v["rows"]),
                    "matches": tuple(
                        Match(**{**m, "outputs": tuple(m["outputs"])}) for m in v["matches"]
                    ),
                    "seeds": tuple(v["seeds"]),
                }
            )
            for v in record["exercises"]
        )
        tuples = {k: tuple(record[k]) for k in ("notes", "written")}
        return cls(**{**record, **tuples, "exercises": verdicts})

    def to_json(self) -> dict[str, Any]:
        """The form that ``course grade --json`` writes (see the README, "Teach")."""
        return {
            "student": self.student,
            "score": self.score,
            "max_score": self.max_score,
            "status": self.status,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "exercises": [
                {
                    "name": v.exercise,
                    "points": v.points,
                    "max_points": v.max_points,
                    "verdict": v.outcome,
                    "misconception": v.misconception,
                    "message": v.message,
                }
                for v in self.exercises
            ],
        }
