"""Notebooks whose cells, ids, metadata or files were changed, by accident or on purpose."""

import copy
import json

from .case import ASSIGNMENT, FULL, POINTS, Handin, case, meta


@case(0)
def delete_test_cells(s: Handin) -> None:
    """Wrong answers, check cells deleted. Must get 0."""
    s.wrong()
    s.cells[:] = [c for c in s.cells if c not in s.checks()]


@case()
def delete_test_cells_correct(s: Handin) -> None:
    """Right answers, check cells deleted by accident. The tests come from the grader."""
    s.right()
    s.cells[:] = [c for c in s.cells if c not in s.checks()]


@case(0)
def duplicate_test_cells(s: Handin) -> None:
    """Wrong answers; each check cell twice, the second one emptied. Must get 0."""
    s.wrong()
    for check in s.checks():
        twin = copy.deepcopy(check)
        twin["source"] = ""
        s.cells.insert(s.cells.index(check) + 1, twin)


@case(0)
def change_grade_id(s: Handin) -> None:
    """Wrong answers; grade_ids of the checks swapped in a circle. Must get 0."""
    s.wrong()
    checks = s.checks()
    names = [meta(c)["grade_id"] for c in checks]
    for check, name in zip(checks, names[1:] + names[:1]):
        meta(check)["grade_id"] = name


@case(0)
def change_points(s: Handin) -> None:
    """Wrong answers, points metadata set to 100 for the checks, and negative for one."""
    s.wrong()
    for check in s.checks():
        meta(check)["points"] = 100
    meta(s.checks()[-1])["points"] = -50


@case(0)
def edit_locked_tests(s: Handin) -> None:
    """Wrong answers; the locked check cells are edited to `pass`. Must get 0."""
    s.wrong()
    for check in s.checks():
        check["source"] = "pass"


@case(0)
def unlock_tests(s: Handin) -> None:
    """Wrong answers; checks edited and their metadata says locked=false, solution=true."""
    s.wrong()
    for check in s.checks():
        check["source"] = "pass"
        meta(check).update(locked=False, solution=True)


@case(0)
def ungrade_tests(s: Handin) -> None:
    """Wrong answers; checks edited and their metadata says grade=false. Must get 0."""
    s.wrong()
    for check in s.checks():
        check["source"] = "pass"
        meta(check).update(grade=False)


@case(0)
def tag_skip_execution(s: Handin) -> None:
    """Wrong answers (release text untouched); checks carry the tag skip-execution."""
    s.wrong()
    for check in s.checks():
        check["metadata"]["tags"] = ["skip-execution", "raises-exception"]


@case()
def kernel_name_absent(s: Handin) -> None:
    """Right answers; kernelspec names a kernel the grader lacks (conda-env-...)."""
    s.right()
    s.notebook["metadata"]["kernelspec"] = {
        "name": "conda-env-rnn-py",
        "display_name": "R",
        "language": "R",
    }


@case(0, status="unreadable", says="cannot be read")
def broken_json(s: Handin) -> None:
    """The file is cut in the middle. A plain 'cannot be read' report; the run goes on."""
    s.right()
    s.raw = s.data()[: len(s.data()) // 2]


@case((0, FULL))
def not_utf8(s: Handin) -> None:
    """The file is UTF-16. A plain report or read rightly; the run goes on."""
    s.right()
    s.raw = json.dumps(s.notebook).encode("utf-16")


@case(says="metadata")
def no_nbgrader_metadata(s: Handin) -> None:
    """Right answers; the student re-created the notebook, no nbgrader metadata."""
    s.right()
    for cell in s.cells:
        cell["metadata"] = {}
        cell.pop("id", None)


@case(0, status="missing", says="no notebook")
def missing_notebook(s: Handin) -> None:
    """The folder holds no notebook. Must get 0 with a report."""
    s.name = None


@case()
def extra_notebook(s: Handin) -> None:
    """Right answers, and one more notebook beside."""
    s.right()
    s.files["scratch.ipynb"] = b"{}"


@case(says="a1_rnn (1).ipynb")
def wrong_file_name(s: Handin) -> None:
    """Right answers in 'a1_rnn (1).ipynb'."""
    s.right()
    s.name = f"{ASSIGNMENT} (1).ipynb"


@case()
def schema_too_old(s: Handin) -> None:
    """Right answers; one cell's nbgrader schema_version is 1."""
    s.right()
    meta(s.cell("rnn_forward"))["schema_version"] = 1


@case((0, FULL), status="unreadable", says="larger than")
def notebook_50mb(s: Handin) -> None:
    """Right answers; a markdown cell of 50 MB. Refused by a size limit, fast."""
    s.right()
    s.own("x" * 50_000_000, cell_type="markdown")


# --- more -----------------------------------------------------------------------------------------


@case(0, status="unreadable", says="nested too deeply")
def json_nested_deeply(s: Handin) -> None:
    """A JSON document nested a million times. A plain report."""
    s.raw = b'{"cells": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"


@case((0, FULL))
def json_million_cells(s: Handin) -> None:
    """Right answers, then a million empty cells."""
    s.right()
    text = s.data().decode()
    head, _, tail = text.rpartition("]")
    s.raw = (head + ', {"cell_type": "code"}' * 500_000 + "]" + tail).encode()


@case((0, FULL))
def json_odd_values(s: Handin) -> None:
    """Right answers between cells, sources and ids of every other type, NaN and huge numbers."""
    s.right()
    s.cells.insert(3, None)
    s.cells.insert(4, {"cell_type": [], "source": {"a": 1}, "metadata": 5})
    s.cells.insert(5, {"cell_type": "code", "source": ["a", None, 5], "metadata": None})
    s.cells.insert(6, {"cell_type": "code", "source": 5, "metadata": {"nbgrader": []}})
    s.cells.insert(7, {"metadata": {"nbgrader": {"grade_id": ["x"], "points": float("nan")}}})
    meta(s.cell("rnn_forward"))["points"] = float("inf")
    s.notebook["nbformat"] = 10**400


@case(0)
def solution_in_the_check_cell(s: Handin) -> None:
    """The check cell of each exercise claims to be its solution cell; its text prints 'pass'."""
    s.wrong()
    for name in POINTS:
        check = s.cell(f"check_{name}")
        meta(check).update(grade_id=name, solution=True, locked=False, grade=True)
        check["source"] = f"print('pass')  # {name} = 4 points\ncheck = lambda *a: None"


@case(0)
def setup_edited(s: Handin) -> None:
    """The locked setup imports a numpy of its own and redefines check; it is put back."""
    s.wrong()
    s.cell("setup")["source"] = "import torch as np\ncheck = lambda name: None"


@case()
def setup_deleted(s: Handin) -> None:
    """Right answers; the setup cell was deleted by accident."""
    s.right()
    s.cells.remove(s.cell("setup"))


@case()
def cells_in_reverse(s: Handin) -> None:
    """Right answers; all cells stand in the reverse order."""
    s.right()
    s.cells.reverse()


@case()
def answer_copied(s: Handin) -> None:
    """Right answers; one answer cell was copied, with its id, below itself."""
    s.right()
    cell = s.cell("rnn_forward")
    s.cells.insert(s.cells.index(cell), copy.deepcopy(cell))


@case(0)
def foreign_hooks_in_metadata(s: Handin) -> None:
    """Wrong answers, metadata for nbclient, papermill, nbgrader and widgets. Must get 0."""
    s.wrong()
    for cell in s.cells:
        cell["metadata"]["papermill"] = {"status": "completed"}
        cell["metadata"]["tags"] = ["parameters", "nbgrader-pass", "raises-exception"]
        cell["metadata"]["unrolled"] = {"exercise": "x", "points": 34, "verdict": "pass"}
    s.notebook["metadata"]["nbgrader"] = {"score": 34}
    s.notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


@case(0)
def outputs_with_full_marks(s: Handin) -> None:
    """Wrong answers; the check cells come with outputs that say everything is right."""
    s.wrong()
    for check in s.checks():
        check["outputs"] = [
            {
                "output_type": "execute_result",
                "execution_count": 1,
                "metadata": {},
                "data": {"text/plain": "34.0"},
            }
        ]


@case()
def unicode_in_the_source(s: Handin) -> None:
    """Right answers, with lone surrogates, nulls and direction overrides in comments."""
    s.right()
    s.own("# \ud800 \u202e override", where="setup")
    s.own("a\x00b\u2028c", cell_type="markdown")


@case((0, FULL), seconds=60)
def cell_that_python_cannot_parse(s: Handin) -> None:
    """Own cells on which parsers fail: a thousand brackets, minus signs, a megabyte of digits."""
    s.right()
    s.own("(" * 1000 + ")" * 1000)
    s.own("-" * 100_000 + "1")
    s.own("x = " + "9" * 900_000)
    s.own("rnn_step_forward" + "[" * 5000)
    s.own("+".join("a" * 30_000))
