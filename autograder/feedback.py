"""The page that one student gets: the notebook with verdicts, hints, marks and comments.

``course feedback`` and ``nbgrader generate_feedback`` make the same page, because both use
:class:`FeedbackExporter`; :func:`configure` sets it for either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter
from traitlets import Unicode, default
from traitlets.config import Config

from autograder import html
from autograder.course import Course, write_atomic
from autograder.marks import Mark, Marks, read_marks
from autograder.results import Result
from unrolled.verdict import Row, Verdict

MAX_CELLS = 400
MAX_OUTPUTS = 200
"""Outputs of one cell that are looked at; a loop of prints is one output."""
MAX_TEXT = 20_000
"""Characters of text that one cell's outputs may fill."""
MAX_PICTURES = 8
"""Pictures of one cell."""
MAX_PICTURE_CHARACTERS = 20_000_000
"""All pictures of a page together, as base64: browsers open 20 MB, mail servers rarely more."""

OUTCOMES: dict[str, tuple[str, str]] = {
    "pass": ("✓", "right"),
    "partial": ("◐", "partly right"),
    "fail": ("✗", "not right yet"),
    "error": ("!", "stopped with an error"),
    "timeout": ("…", "took too long"),
    "missing": ("–", "not done"),
    "waits": ("?", "waits for a person"),
    "marked": ("✎", "marked by a person"),
}
"""The sign and the words for each outcome; colour only repeats what they say."""

NO_RESULT = "gave no result"

STATUS = {
    "unreadable": "The submitted notebook could not be read, so nothing in it could be graded.",
    "missing": "No notebook was found in this submission, so nothing could be graded.",
}


@dataclass(frozen=True)
class Item:
    """One line of the summary: an exercise or a written answer.

    ``outcome`` is a key of :data:`OUTCOMES`; ``changed`` says that a person set another mark than
    the grader's.
    """

    name: str
    anchor: str
    outcome: str
    points: float
    max_points: float
    verdict: Verdict | None = None
    changed: bool = False

    @property
    def sign(self) -> str:
        return OUTCOMES[self.outcome][0]

    @property
    def words(self) -> str:
        return OUTCOMES[self.outcome][1]


@dataclass(frozen=True)
class Output:
    """One output of a cell, ready to be written: "text", "stderr", "error" or "picture"."""

    kind: str
    content: str | Markup


@dataclass(frozen=True)
class Cell:
    """One cell of the page.

    ``kind`` is "text" (of the assignment), "code", "raw", "answer" (the student's code), "written"
    (the student's text) or "check" (a verdict stands in its place).
    """

    kind: str
    name: str = ""
    content: str | Markup = ""
    outputs: tuple[Output, ...] = ()
    item: Item | None = None
    comment: Markup | None = None
    prompt: str = ""


# --- the summary ----------------------------------------------------------------------------------


def exercise_item(verdict: Verdict, marks: Marks) -> Item:
    """The line of an exercise, with a person's mark where one was given."""
    mark = marks.marks.get(f"check_{verdict.exercise}")
    changed = mark is not None and mark.by_person
    points = mark.score if mark is not None and changed else verdict.points
    return Item(
        name=verdict.exercise,
        anchor=f"exercise-{slug(verdict.exercise)}",
        outcome=verdict.outcome if verdict.outcome in OUTCOMES else "error",
        points=points,
        max_points=verdict.max_points,
        verdict=verdict,
        changed=changed,
    )


def written_item(name: str, max_points: float, mark: Mark | None, graded: bool = True) -> Item:
    """The line of a written answer; without an entry in the gradebook it waits for a person.

    An answer that was left empty has a mark of the grader and does not wait; nor does anything in a
    submission that could not be read (``graded`` false).
    """
    if mark is not None and mark.by_person:
        outcome = "marked"
    elif graded and (mark is None or mark.waits):
        outcome = "waits"
    else:
        outcome = "missing"
    return Item(
        name=name,
        anchor=f"written-{slug(name)}",
        outcome=outcome,
        points=mark.score if mark else 0.0,
        max_points=mark.max_score if mark else max_points,
    )


def slug(name: str) -> str:
    """A name as part of an anchor; names are identifiers, this only keeps to that."""
    return re.sub(r"[^\w-]", "-", name, flags=re.ASCII)


@dataclass(frozen=True)
class OutputLine:
    """One result of an exercise over all cases; ``row`` is its first wrong case, else the worst."""

    row: Row
    right: int
    cases: int

    @property
    def note(self) -> str:
        if self.row.ok:
            return "right"
        where = f" (case: {self.row.case})" if self.row.case and self.cases > 1 else ""
        return (self.row.note or "not right") + where


def output_lines(verdict: Verdict) -> list[OutputLine]:
    """The table of a verdict, one line per result; none if no result came in any case."""
    rows = case_rows(verdict)
    if verdict.outcome in ("error", "timeout", "missing") and all(map(silent, rows)):
        return []
    lines = []
    for output in dict.fromkeys(row.output for row in rows):
        group = [row for row in rows if row.output == output]
        wrong = [row for row in group if not row.ok]
        worst = wrong[0] if wrong else max(group, key=lambda r: r.error or 0.0)
        lines.append(OutputLine(worst, len(group) - len(wrong), len(group)))
    return lines


def case_rows(verdict: Verdict) -> list[Row]:
    """Every result in every case. Rows that only repeat the message of a failure are shortened."""
    return [
        replace(row, note=NO_RESULT) if silent(row) and row.note in verdict.message else row
        for row in verdict.rows
    ]


def silent(row: Row) -> bool:
    """Whether a row stands for a result that never came."""
    return not row.ok and not row.shape and row.error is None and row.output != "arguments"


def message_without_hints(verdict: Verdict) -> str:
    """The message alone: the hints that it ends with stand in boxes of their own."""
    text = verdict.message
    for match in verdict.matches:
        text = text.replace(match.hint, "")
    return " ".join(text.split(" ")).strip()


# --- cells ----------------------------------------------------------------------------------------


@dataclass
class Budget:
    """What the pictures of a page may still take."""

    pictures: int = MAX_PICTURE_CHARACTERS


def outputs_of(outputs: Iterable[Mapping[str, Any]], budget: Budget) -> tuple[Output, ...]:
    """Text, errors and PNG pictures of a cell, within bounds; everything else is left out."""
    shown: list[Output] = []
    left, pictures, listed = MAX_TEXT, 0, list(outputs)
    for output in listed[:MAX_OUTPUTS]:
        one = _output(output)
        if one is None:
            continue
        if one.kind == "picture":
            pictures += 1
            budget.pictures -= len(one.content)
            if pictures > MAX_PICTURES or budget.pictures < 0:
                one = Output(
                    "text", "[a picture is left out: there are too many or too large ones]"
                )
        if one.kind != "picture":
            if left <= 0:
                break
            one = replace(one, content=html.cut(str(one.content), left))
            left -= len(one.content)
        if shown and one.kind == shown[-1].kind in ("text", "stderr"):
            shown[-1] = replace(one, content=str(shown[-1].content) + str(one.content))
        else:
            shown.append(one)
    if len(listed) > MAX_OUTPUTS:
        shown.append(
            Output("text", f"… {len(listed) - MAX_OUTPUTS} more outputs are left out here.")
        )
    return tuple(shown)


def _output(output: Mapping[str, Any]) -> Output | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "text"
        return Output(name, html.terminal_text(_joined(output.get("text"))))
    if kind == "error":
        return Output("error", error_text(output))
    data = output.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, Mapping):
        return None
    picture = html.png(_joined(data["image/png"])) if "image/png" in data else None
    if picture is not None:
        return Output("picture", picture)
    if "text/plain" in data:
        return Output("text", html.terminal_text(_joined(data["text/plain"])) + "\n")
    return None


def _joined(text: Any) -> str:
    """nbformat stores long strings as lists of lines. Cut before any work is done on them."""
    if isinstance(text, list):
        text = "".join(t for t in text if isinstance(t, str))
    return text[: html.MAX_PNG_BYTES * 2] if isinstance(text, str) else ""


_FRAME = re.compile(r"^ *line (\d{1,6})(?:, in (\w{1,80}|<\w{1,40}>))?$", re.MULTILINE)


def error_text(output: Mapping[str, Any]) -> str:
    """An error in one line and the lines of the student's cells; no frame of other code.

    The sandbox writes one line "line 3, in f" per frame in a cell (:mod:`autograder.sandbox`);
    whatever else stands in the traceback is left out.
    """
    name = html.cut(_joined(output.get("ename")), 200)
    value = html.cut(html.terminal_text(_joined(output.get("evalue"))), 2000)
    lines = output.get("traceback")
    trace = (
        "\n".join(_joined(line)[:1000] for line in lines[:50]) if isinstance(lines, list) else ""
    )
    places = [
        f"line {number} in {function}" if function.isidentifier() else f"line {number} of the cell"
        for number, function in _FRAME.findall(trace)
    ]
    return f"{name}: {value}" + (f"\nat {', then '.join(places)}" if places else "")


def cell_view(
    cell: Mapping[str, Any], items: Mapping[str, Item], marks: Marks, budget: Budget
) -> Cell:
    """How one cell of the graded notebook is shown."""
    meta = cell.get("metadata", {}).get("nbgrader", {})
    name = str(meta.get("grade_id", ""))
    source = _joined(cell.get("source"))
    comment = html.markdown(marks.comments[name]) if marks.comments.get(name) else None
    graded, answer = bool(meta.get("grade")), bool(meta.get("solution"))
    if cell.get("cell_type") == "markdown":
        content = html.markdown(source, cell.get("attachments"))
        if (graded and answer) or meta.get("task"):
            return Cell("written", name, content, item=items.get(name), comment=comment)
        return Cell("text", content=content)
    if cell.get("cell_type") != "code":
        return Cell("raw", content=html.escape(html.cut(source, html.MAX_SOURCE)))
    exercise = name.removeprefix("check_")
    if graded and exercise in items:
        return Cell("check", exercise, item=items[exercise], comment=comment)
    count = cell.get("execution_count")
    return Cell(
        "answer" if answer else "code",
        name,
        html.highlight(source),
        outputs_of(cell.get("outputs", []), budget),
        comment=comment,
        prompt=f"[{count}]" if isinstance(count, int) else "",
    )


# --- the page -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """Everything that the template shows."""

    student: str
    assignment: str
    result: Result | None
    items: tuple[Item, ...]
    cells: tuple[Cell, ...]
    book: str
    late_penalty: float = 0.0
    left_out: int = 0
    loose: tuple[Item, ...] = field(default=())

    @property
    def listed(self) -> bool:
        """Whether there is anything to say about single exercises."""
        return bool(self.items) and (self.result is None or self.result.status == "graded")

    @property
    def points(self) -> float:
        return sum(i.points for i in self.items) - self.late_penalty

    @property
    def max_points(self) -> float:
        return sum(i.max_points for i in self.items)

    @property
    def waiting(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.outcome == "waits")

    @property
    def status_text(self) -> str:
        if self.result is None:
            return "The result of grading could not be read. Please tell your instructor."
        return STATUS.get(self.result.status, "")


def page_of(
    cells: list[Mapping[str, Any]],
    result: Result | None,
    marks: Marks,
    student: str,
    assignment: str,
    book: str,
) -> Page:
    """Put a page together from the graded notebook, the record and the gradebook."""
    graded = result is None or result.status == "graded"
    verdicts = result.exercises if result else ()
    items = {v.exercise: exercise_item(v, marks) for v in verdicts}
    for name, points in written_cells(cells):
        items[name] = written_item(name, points, marks.marks.get(name), graded)
    for name in result.written if result else ():
        items.setdefault(name, written_item(name, 0.0, marks.marks.get(name), graded))
    if not graded:
        cells = []  # what is there is the release, not what was handed in
    budget = Budget()
    shown = tuple(cell_view(c, items, marks, budget) for c in cells[:MAX_CELLS])
    placed = {c.item.name for c in shown if c.item}
    return Page(
        student=student,
        assignment=assignment,
        result=result,
        items=tuple(items.values()),
        cells=shown,
        book=book,
        late_penalty=marks.late_penalty,
        left_out=max(0, len(cells) - MAX_CELLS),
        loose=tuple(i for i in items.values() if i.name not in placed and graded),
    )


def written_cells(cells: Iterable[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """Name and points of the written answers of a notebook."""
    found = []
    for cell in cells:
        meta = cell.get("metadata", {}).get("nbgrader", {})
        if cell.get("cell_type") == "markdown" and meta.get("grade") and meta.get("solution"):
            points = meta.get("points", 0)
            found.append(
                (str(meta.get("grade_id", "")), points if isinstance(points, int | float) else 0.0)
            )
    return found


def load_result(path: Path, student: str, assignment: str) -> Result:
    """Read one record.

    Raises:
        ValueError: it is not a record of this submission.
        OSError: it cannot be read.
    """
    try:
        result = Result.from_record(json.loads(path.read_text(encoding="utf-8")))
        float(result.score + result.max_score + result.seconds)  # TypeError for other types
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a record: {type(error).__name__}") from error
    if (result.student, result.assignment) != (student, assignment):
        raise ValueError(f"{path.name} is the record of another submission")
    return result


class FeedbackExporter(TemplateExporter):
    """nbconvert's exporter with our template, data and escaping.

    It is no HTMLExporter: that one adds MathJax and widgets from the network, passes outputs on as
    they are and parses the finished page once more, which can undo escaping.
    """

    records = Unicode(help="Folder of the records, one folder per assignment in it").tag(
        config=True
    )
    book = Unicode(help="Where the book is, seen from a feedback page").tag(config=True)

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_name")
    def _template_name_default(self) -> str:
        return "feedback"

    @default("template_file")
    def _template_file_default(self) -> str:
        return "index.html.j2"

    @default("extra_template_basedirs")
    def _default_extra_template_basedirs(self) -> list[str]:
        return [str(html.TEMPLATES)]

    @default("extra_template_paths")
    def _default_extra_template_paths(self) -> list[str]:
        return [str(html.TEMPLATES)]

    @default("default_preprocessors")
    def _default_preprocessors_default(self) -> list[Any]:
        return []

    def _create_environment(self) -> Any:
        return html.prepare(super()._create_environment())

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Make the page. ``resources["nbgrader"]`` names the submission, as nbgrader sets it."""
        resources = dict(resources or {})
        submission = resources["nbgrader"]
        student, assignment = submission["student"], submission["assignment"]
        marks = resources.get("marks")
        if marks is None:
            marks = read_marks(submission["db_url"], assignment, student).get(student, Marks())
        try:
            path = Path(self.records) / assignment / f"{student}.json"
            result = load_result(path, student, assignment)
        except (OSError, ValueError) as error:
            self.log.warning("No verdicts for %s: %s", student, error)
            result = None
        resources["page"] = page_of(nb.cells, result, marks, student, assignment, self.book)
        resources["helpers"] = {
            "output_lines": output_lines,
            "case_rows": case_rows,
            "message": message_without_hints,
            "book_link": html.book_link,
        }
        return super().from_notebook_node(nb, resources, **kw)


def configure(c: Config, course: Course) -> Config:
    """Set what makes ``nbgrader generate_feedback`` and ``course feedback`` write our pages."""
    page = course.feedback / "student" / "assignment"
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.GenerateFeedback.preprocessors = []
    c.FeedbackExporter.records = str(course.records)
    c.FeedbackExporter.book = html.book_url(course, page)
    return c


def write_feedback(
    course: Course, assignment: str, students: Iterable[str] | None = None
) -> list[Path]:
    """Write the pages of all students who have a record, or of ``students``.

    Returns:
        the paths of the pages, in the order of the students' names.

    Raises:
        FileNotFoundError: nothing has been graded, or a student is named who has no record.
        GradebookError: the gradebook cannot be read; see :func:`autograder.marks.read_marks`.
    """
    graded = sorted(p.stem for p in (course.records / assignment).glob("*.json"))
    chosen = graded if students is None else sorted(set(students))
    unknown = [s for s in chosen if s not in graded]
    if unknown or not chosen:
        who = ", ".join(unknown) or "anybody"
        command = course.command(f"grade {assignment}")
        raise FileNotFoundError(f"No record of {assignment} for {who}. Run: {command}")
    exporter = FeedbackExporter(config=configure(Config(), course))
    marks = read_marks(course.gradebook_url, assignment)
    paths = []
    for student in chosen:
        resources = {
            "nbgrader": {
                "student": student,
                "assignment": assignment,
                "notebook": assignment,
                "db_url": course.gradebook_url,
            },
            "marks": marks.get(student, Marks()),
        }
        folder = Path(student) / assignment
        notebook = read_notebook(course.autograded / folder / f"{assignment}.ipynb")
        page, _ = exporter.from_notebook_node(notebook, resources)
        path = course.feedback / folder / f"{assignment}.html"
        write_atomic(path, page.encode("utf-8", "replace"))
        paths.append(path)
    return paths


def read_notebook(path: Path) -> Any:
    """The graded notebook; an empty one if there is none that can be read."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, RecursionError, nbformat.ValidationError):
        return nbformat.v4.new_notebook()
