"""What is said about one exercise: the data, and its plain-text form."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["pass", "partial", "fail", "error", "timeout", "missing"]


@dataclass(frozen=True)
class Row:
    """One line of the table: one output in one case, the worst over all seeds.

    ``error`` is the largest absolute difference (None when it cannot be computed), ``note`` says
    in words what is off ("" when the output is right).
    """

    case: str
    output: str
    shape: str
    error: float | None
    ok: bool
    note: str = ""


@dataclass(frozen=True)
class Match:
    """A known misconception that returns what the student's code returned."""

    name: str
    hint: str
    link: str
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The outcome of one exercise. ``message`` is one or a few sentences for the student."""

    exercise: str
    points: float
    max_points: float
    outcome: Outcome
    message: str
    rows: tuple[Row, ...] = ()
    matches: tuple[Match, ...] = ()
    seeds: tuple[int, ...] = field(default=())

    @property
    def misconception(self) -> str | None:
        return self.matches[0].name if self.matches else None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
