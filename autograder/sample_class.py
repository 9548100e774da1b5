"""A made-up class for an assignment, from its release: right, half done, mistaken and broken.

Nobody's work is in it: solutions come from the reference, the misconceptions and the variants
under ``solutions/``. The same seed makes the same files.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder import source
from autograder.release import notebook_bytes
from autograder.sanitize import release_kind

ANSWER = (
    "Every use of the weights contributes to the loss, so their gradients are summed over the "
    "steps; a gradient travels back from each step's loss through the states."
)

FIRST = (
    *("Amara", "Ben", "Chen", "Dalia", "Emil", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kemal"),
    *("Lan", "Mira", "Noor", "Olga", "Pavel", "Qing", "Rosa", "Sami", "Tomas", "Uma", "Viktor"),
    *("Wei", "Xenia", "Yusuf", "Zoe", "Ada", "Bao", "Carla", "Deniz", "Eszter", "Finn"),
)
LAST = (
    *("Okafor", "Weiss", "Liu", "Haddad", "Berg", "Rahimi", "Novak", "Sato", "Costa", "Lind"),
    *("Arslan", "Nguyen", "Petrov", "Aziz", "Ivanova", "Kral", "Zhao", "Marin", "Laine", "Silva"),
    *("Rao", "Orlov", "Tang", "Petridis", "Demir", "Moreau", "Byron", "Tran", "Rossi", "Kaya"),
    *("Szabo", "Murphy"),
)

Notebook = dict[str, Any]
Change = Callable[[Notebook], None]


@dataclass(frozen=True)
class Sample:
    """One student of the class: ``case`` is a short name, ``files`` what the folder holds."""

    student: str
    case: str
    files: Mapping[str, bytes]


# --- the ways in which a notebook is filled in ----------------------------------------------------


def solution_of(nb: Notebook, exercise: str) -> Notebook:
    """The solution cell of an exercise in a release notebook."""
    for cell in nb["cells"]:
        if release_kind(cell) == ("solution", exercise):
            return cell
    raise KeyError(exercise)


def check_of(nb: Notebook, exercise: str) -> Notebook:
    """The check cell of an exercise in a release notebook."""
    for cell in nb["cells"]:
        if release_kind(cell) == ("check", f"check_{exercise}"):
            return cell
    raise KeyError(exercise)


def solve(nb: Notebook, assignment: str, exercises: Iterable[str] | None = None) -> None:
    """Fill in the reference for some exercises (all if left out), and the written answers."""
    names = [c.name for c in source.read_cells(assignment) if c.kind == "exercise"]
    for name in names if exercises is None else exercises:
        text = source.solution_cell(assignment, name).source
        text = text.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "")
        solution_of(nb, name)["source"] = "\n".join(x.rstrip() for x in text.splitlines())
    for cell in nb["cells"]:
        if release_kind(cell)[0] == "written":
            cell["source"] = ANSWER


def mistake(nb: Notebook, assignment: str, exercise: str, name: str) -> None:
    """Put a known misconception into the solution cell of an exercise."""
    known = {(m.exercise, m.name): m for m in source.load_misconceptions(assignment)}
    if (exercise, name) not in known:
        raise source.SourceError(f"The sample class wants the unknown mistake {exercise}/{name}.")
    m = known[exercise, name]
    cell = solution_of(nb, exercise)
    cell["source"] = cell["source"].replace(m.find, m.replace)


def restyle(nb: Notebook, text: str) -> None:
    """Put a correct variant into the cells, each function or class into its own; the rest goes into
    a new one."""
    lines = text.splitlines()
    rest, names = [], {release_kind(c)[1] for c in nb["cells"]}
    for node in ast.parse(text).body:
        part = "\n".join(lines[first_line(node) - 1 : node.end_lineno])
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            solution_of(nb, node.name)["source"] = part
        else:
            rest.append(part)
    if rest:
        setup = next(i for i, c in enumerate(nb["cells"]) if release_kind(c) == ("locked", "setup"))
        nb["cells"].insert(setup + 1, own_cell("\n\n".join(rest)))


def first_line(node: ast.stmt) -> int:
    """The line of a statement, its decorators included."""
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])


def own_cell(text: str) -> Notebook:
    """A code cell as a student adds it."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"own-{len(text)}",
        "metadata": {},
        "outputs": [],
        "source": text,
    }


# --- the class ------------------------------------------------------------------------------------


def make_class(assignment: str, release: Notebook, seed: int = 7) -> list[Sample]:
    """The class for an assignment; a1_rnn is the one that is made so far.

    Args:
        release: the released notebook that the students filled in.

    Raises:
        SourceError: there is no class for this assignment.
    """
    if assignment not in CLASSES:
        raise source.SourceError(f"There is no sample class for {assignment}.")
    rng = np.random.default_rng(seed)
    cases = CLASSES[assignment](assignment, release)
    first, last = rng.permutation(FIRST), rng.permutation(LAST)
    students = [f"{a}-{b}".lower() for a, b in zip(first, last)]
    if len(students) < len(cases):
        raise source.SourceError("The sample class has more cases than names.")
    return [Sample(s, case, files) for s, (case, files) in zip(students, cases.items())]


def write_class(assignment: str, release: Notebook, folder: Path, seed: int = 7) -> list[Sample]:
    """Write the class to ``folder/<student>/<assignment>/`` and return it."""
    samples = make_class(assignment, release, seed)
    for sample in samples:
        target = folder / sample.student / assignment
        target.mkdir(parents=True, exist_ok=True)
        for name, data in sample.files.items():
            (target / name).write_bytes(data)
    return samples


def a1_class(assignment: str, release: Notebook) -> dict[str, dict[str, bytes]]:
    """The cases of a1_rnn: what each folder holds, by the name of the case."""
    name = f"{assignment}.ipynb"
    variants = source.load_variants(assignment)
    cases: dict[str, dict[str, bytes]] = {}

    def add(case: str, *changes: Change, solved: Iterable[str] | None = None) -> Notebook:
        nb = copy.deepcopy(release)
        solve(nb, assignment, solved)
        for change in changes:
            change(nb)
        cases[case] = {name: notebook_bytes(nb)}
        return nb

    def wrong(exercise: str, which: str) -> Change:
        return lambda nb: mistake(nb, assignment, exercise, which)

    def style(which: str) -> Change:
        return lambda nb: restyle(nb, variants[which])

    add("right")
    for which in ("pure_python", "einsum", "torch_autograd", "stacked_weights", "closure_cache"):
        add(f"right: {which}", style(which))
    add("right: float32 inside", style("float32"))
    add("right, warns on stderr", warn)
    add("right, an own slow cell", slow_cell)
    add("half: forward only", solved=["rnn_step_forward", "rnn_forward", "temporal_affine_forward"])
    add("half: one step", solved=["rnn_step_forward", "rnn_step_backward"])
    add("half: all but the loss", lambda nb: unsolve(nb, release, "temporal_softmax_loss"))
    for exercise, which in (
        ("rnn_step_forward", "transposed-recurrence"),
        ("rnn_step_backward", "derivative-at-wrong-variable"),
        ("rnn_forward", "initial-state-ignored"),
        ("rnn_backward", "weight-gradients-overwritten"),
        ("rnn_backward", "future-ignored"),
        ("temporal_softmax_loss", "gradient-not-masked"),
        ("temporal_softmax_loss", "softmax-overflows"),
        ("numerical_gradient", "one-sided-difference"),
    ):
        add(f"mistake: {which}", wrong(exercise, which))
    add(
        "mistakes: three",
        wrong("rnn_step_backward", "db-averaged"),
        wrong("temporal_affine_backward", "dw-transposed"),
        wrong("numerical_gradient", "x-not-restored"),
    )
    add(
        "mistakes: two in one function",
        wrong("rnn_step_backward", "dprev-h-not-transposed"),
        wrong("rnn_step_backward", "dwh-from-the-new-state"),
    )
    add("writes into an argument", write_into_argument)
    cases["empty: the release handed in"] = {name: notebook_bytes(release)}
    add("broken: deleted check cells", delete_checks)
    add("broken: copied cells", copy_cells)
    nb = add("broken: renamed file")
    cases["broken: renamed file"] = {f"{assignment} (1).ipynb": notebook_bytes(nb)}
    add("broken: endless loop", endless_loop)
    add("broken: syntax error", syntax_error)
    cut = json.dumps(nb).encode()
    cases["broken: file cut off"] = {name: cut[: len(cut) // 2]}
    return cases


CLASSES: dict[str, Callable[[str, Notebook], dict[str, dict[str, bytes]]]] = {"a1_rnn": a1_class}


def unsolve(nb: Notebook, release: Notebook, exercise: str) -> None:
    solution_of(nb, exercise)["source"] = solution_of(release, exercise)["source"]


def warn(nb: Notebook) -> None:
    cell = solution_of(nb, "rnn_forward")
    cell["source"] += (
        "\n\nimport sys, warnings\nwarnings.warn('old function', DeprecationWarning)"
        "\nprint('a note on stderr', file=sys.stderr)"
    )


def slow_cell(nb: Notebook) -> None:
    nb["cells"].append(own_cell("import time\nwhile True:\n    time.sleep(0.1)"))


def write_into_argument(nb: Notebook) -> None:
    """The backward pass reuses the memory of its argument."""
    cell = solution_of(nb, "rnn_backward")
    head, body = cell["source"].split("T = dh.shape[1]", 1)
    cell["source"] = f"{head}T = dh.shape[1]{body}".replace(
        "dnext_h = dh[:, t] + dprev_h", "dnext_h = dh[:, t]\n        dnext_h += dprev_h"
    )


def delete_checks(nb: Notebook) -> None:
    nb["cells"] = [c for c in nb["cells"] if release_kind(c)[0] != "check"]


def copy_cells(nb: Notebook) -> None:
    for exercise in ("rnn_step_forward", "rnn_backward"):
        at = nb["cells"].index(solution_of(nb, exercise))
        nb["cells"].insert(at + 1, copy.deepcopy(nb["cells"][at]))
        check = check_of(nb, exercise)
        nb["cells"].insert(nb["cells"].index(check) + 1, copy.deepcopy(check))


def endless_loop(nb: Notebook) -> None:
    cell = solution_of(nb, "temporal_affine_forward")
    cell["source"] = cell["source"].replace(
        "    return ", "    while True:\n        pass\n    return "
    )


def syntax_error(nb: Notebook) -> None:
    cell = solution_of(nb, "temporal_softmax_loss")
    cell["source"] = cell["source"].replace(
        "def temporal_softmax_loss(", "def temporal_softmax_loss(("
    )
