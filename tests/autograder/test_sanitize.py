"""What is left of a submission, and what is said about it."""

from __future__ import annotations

import ast
import copy
import json
import os
import random

import notebooks as nb
import pytest

from autograder import sanitize as sn
from autograder.sanitize import defined_names, load_submission, read_submission, sanitize

RELEASE = nb.make_release()


def clean(notebook) -> sn.Submission:
    return sanitize(nb.raw(notebook), RELEASE)


def sources(submission: sn.Submission, kind: sn.Kind = "solution") -> dict[str, str]:
    return {name: c.source for name, c in submission.named(kind).items()}


def names(submission: sn.Submission) -> list[str]:
    return [c.name or c.source for c in submission.cells]


SOLVED = {name: nb.answer(name) for name in nb.EXERCISES}
ORDER = names(clean(RELEASE))


def test_an_honest_submission_comes_through_without_a_note():
    got = clean(nb.solved())
    assert got.status == "graded"
    assert got.notes == ()
    assert not got.needs_human
    assert names(got) == [sn.release_kind(c)[1] for c in RELEASE["cells"]]
    assert sources(got) == SOLVED
    assert sources(got, "written") == {"in_words": "Because the chain rule sums over paths."}
    assert not any(c.untouched for c in got.cells if c.kind in ("solution", "written"))


def test_the_release_handed_in_unchanged_is_untouched():
    got = clean(RELEASE)
    assert got.notes == ()
    assert all(c.untouched for c in got.cells)


def test_windows_line_ends_and_trailing_blanks_are_no_change():
    def windows(notebook):
        for c in notebook["cells"]:
            c["source"] = c["source"].replace("\n", " \r\n") + "\r\n"

    got = clean(nb.solved(windows))
    assert got.notes == ()
    assert names(got) == ORDER


def test_only_source_text_survives():
    def decorate(notebook):
        for c in notebook["cells"]:
            c["metadata"]["tags"] = ["skip-execution", "<script>"]
            c["id"] = "x" * 500
            c["attachments"] = {"a.png": {"image/png": "AAAA"}}
            if "nbgrader" in c["metadata"]:
                c["metadata"]["nbgrader"] |= {"points": 100, "schema_version": 1, "locked": False}
                c["metadata"]["nbgrader"] |= {"grade": False, "solution": True}
            if c["cell_type"] == "code":
                c["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "forged"}]
        notebook["metadata"] = {"kernelspec": {"name": "conda-env-x"}}
        notebook["nbformat_minor"] = 99

    plain = clean(nb.solved())
    got = clean(nb.solved(decorate))
    assert got.cells == plain.cells
    assert got.notes == ()


def test_locked_cells_are_put_back_and_the_changed_text_stays_as_an_own_cell():
    def change(notebook):
        nb.find(notebook, "check_step")["source"] = "pass"
        nb.find(notebook, "setup")["source"] += "\nimport os"

    got = clean(nb.solved(change))
    assert sources(got, "check")["check_step"] == 'check("step")'
    assert got.notes == ("Locked cells had been changed and were put back: setup, check_step.",)
    order = names(got)
    assert order[order.index("setup") + 1].endswith("import os")
    assert order[order.index("check_step") + 1] == "pass"
    assert not got.needs_human


def test_deleted_cells_are_put_back():
    def delete(notebook):
        for name in ("check_step", "check_loop", "text_01", "loss"):
            notebook["cells"].remove(nb.find(notebook, name))

    got = clean(nb.solved(delete))
    assert names(got) == ORDER
    assert sources(got) == {**SOLVED, "loss": nb.stub("loss")}
    assert got.named("solution")["loss"].untouched
    assert set(got.notes) == {
        "The cell of loss is missing.",
        "Locked cells were missing and were put back (3).",
    }


def test_a_deleted_experiment_stays_deleted():
    got = clean(nb.solved(lambda n: n["cells"].pop(-2)))
    assert got.named("free") == {}
    assert got.notes == ()


def test_a_changed_experiment_is_kept():
    got = clean(nb.solved(lambda n: n["cells"][-2].update(source="train()")))
    assert sources(got, "free") == {"experiment": "train()"}


def test_own_cells_stay_beside_their_neighbours():
    def add(notebook):
        at = nb.position(notebook, "loop")
        notebook["cells"].insert(at, nb.cell("code", "helper = 3"))
        notebook["cells"].insert(0, nb.cell("code", "first = 1"))
        notebook["cells"].append(nb.cell("markdown", "my remark"))
        notebook["cells"].append(nb.cell("code", "  \n"))

    order = names(clean(nb.solved(add)))
    assert order[0] == "first = 1"
    assert order[order.index("loop") - 1] == "helper = 3"
    assert order[-1] == "my remark"


def test_of_two_copies_the_one_that_was_written_in_counts():
    for stub_at in (0, 1):

        def copy_stub(notebook, stub_at=stub_at):
            at = nb.position(notebook, "step") + stub_at
            notebook["cells"].insert(at, nb.cell("code", nb.stub("step"), "step", solution=True))

        got = clean(nb.solved(copy_stub))
        assert sources(got) == SOLVED
        assert names(got) == ORDER
        assert not got.needs_human


def test_of_two_different_answers_the_last_counts_and_a_person_is_asked():
    def copy_changed(notebook):
        at = nb.position(notebook, "step") + 1
        other = nb.answer("step", "return 2 * x")
        notebook["cells"].insert(at, nb.cell("code", other, "step", solution=True))

    got = clean(nb.solved(copy_changed))
    assert sources(got)["step"] == nb.answer("step", "return 2 * x")
    assert got.needs_human
    assert "step is answered in 2 cells; the last of them was graded." in got.notes


def test_two_equal_answers_need_nobody():
    def twice(notebook):
        at = nb.position(notebook, "step")
        notebook["cells"].insert(at, dict(nb.find(notebook, "step")))

    got = clean(nb.solved(twice))
    assert sources(got) == SOLVED
    assert not got.needs_human


def test_copied_check_cells_are_dropped():
    def twice(notebook):
        at = nb.position(notebook, "check_step")
        notebook["cells"].insert(at, dict(nb.find(notebook, "check_step")))

    got = clean(nb.solved(twice))
    assert names(got) == ORDER
    assert got.notes == ("Copies of cells of the release were left out (1).",)


def test_swapped_ids():
    def swap(notebook):
        a, b = nb.find(notebook, "step"), nb.find(notebook, "loss")
        a["metadata"], b["metadata"] = b["metadata"], a["metadata"]
        c, d = nb.find(notebook, "check_step"), nb.find(notebook, "text_01")
        c["metadata"], d["metadata"] = d["metadata"], c["metadata"]

    got = clean(nb.solved(swap))
    assert sources(got) == SOLVED
    assert names(got) == ORDER
    assert "Cells bore the ids of other cells (2); their text decided." in got.notes
    assert "step was found in another cell than its own." in got.notes


@pytest.mark.parametrize("lost", ["nbgrader", "all"])
def test_lost_metadata(lost):
    def lose(notebook):
        for c in notebook["cells"]:
            if lost == "all":
                del c["metadata"]
            else:
                c["metadata"] = {"nbgrader": None}

    got = clean(nb.solved(lose))
    assert sources(got) == SOLVED
    assert sources(got, "written") == {"in_words": "Because the chain rule sums over paths."}
    assert names(got) == ORDER
    assert got.notes[0].startswith("The notebook had lost its nbgrader metadata")
    assert not got.needs_human


def test_an_answer_in_an_added_cell_is_found():
    def elsewhere(notebook):
        at = nb.position(notebook, "step")
        nb.find(notebook, "step")["source"] = nb.stub("step")
        notebook["cells"].insert(at + 1, nb.cell("code", nb.answer("step")))

    got = clean(nb.solved(elsewhere))
    assert sources(got) == SOLVED
    assert names(got) == ORDER


def test_an_answer_in_a_check_cell_is_found():
    def elsewhere(notebook):
        nb.find(notebook, "step")["source"] = nb.stub("step")
        nb.find(notebook, "check_step")["source"] = nb.answer("step") + '\n\ncheck("step")'

    got = clean(nb.solved(elsewhere))
    assert sources(got)["step"].startswith(nb.answer("step"))
    assert sources(got, "check")["check_step"] == 'check("step")'


@pytest.mark.parametrize("deleted", [False, True])
def test_everything_in_one_cell(deleted):
    def gather(notebook):
        nb.find(notebook, "step")["source"] = "\n\n".join(SOLVED.values())
        for name in ("loop", "loss"):
            nb.find(notebook, name)["source"] = nb.stub(name)
            if deleted:
                notebook["cells"].remove(nb.find(notebook, name))

    got = clean(nb.solved(gather))
    namespace: dict = {}
    for c in got.cells:
        if c.kind == "solution":
            exec(c.source, namespace)
    assert [namespace[name](1) for name in nb.EXERCISES] == [2, 2, 2]
    assert "loop was found in the cell of step." in got.notes


def test_a_second_definition_in_an_added_cell_is_flagged():
    def again(notebook):
        notebook["cells"].append(nb.cell("code", nb.answer("step", "return 0")))

    got = clean(nb.solved(again))
    assert sources(got) == SOLVED
    assert got.needs_human


def test_code_in_a_cell_of_another_type_counts():
    for cell_type in ("markdown", "raw", "nonsense", 7, None):

        def retype(notebook, cell_type=cell_type):
            nb.find(notebook, "step")["cell_type"] = cell_type

        got = clean(nb.solved(retype))
        assert sources(got) == SOLVED
        assert got.named("solution")["step"].cell_type == "code"
        assert got.notes == ("The cell of step was no code cell and has been made one.",)


def test_a_written_answer_in_a_code_cell_counts():
    got = clean(nb.solved(lambda n: nb.find(n, "in_words").update(cell_type="code")))
    assert got.named("written")["in_words"].source == "Because the chain rule sums over paths."
    assert got.named("written")["in_words"].cell_type == "markdown"


def test_a_written_answer_below_the_untouched_cell_is_found():
    def below(notebook):
        at = nb.position(notebook, "in_words")
        nb.find(notebook, "in_words")["source"] = "YOUR ANSWER HERE"
        notebook["cells"].insert(at + 1, nb.cell("markdown", "My answer."))

    got = clean(nb.solved(below))
    found = got.named("written")["in_words"]
    assert (found.source, found.untouched) == ("My answer.", False)
    assert names(got) == ORDER


def test_prose_that_shows_code_defines_nothing():
    def remark(notebook):
        nb.find(notebook, "step")["source"] = nb.stub("step")
        notebook["cells"].append(nb.cell("markdown", "I tried\n\ndef step(x):\n    return"))

    assert sources(clean(nb.solved(remark)))["step"] == nb.stub("step")


def test_a_cell_with_a_syntax_error_is_found_by_its_def_line():
    def lose(notebook):
        nb.find(notebook, "step")["source"] = "%%time\ndef step(x):\n    return (x"
        for c in notebook["cells"]:
            c["metadata"] = {}

    assert sources(clean(nb.solved(lose)))["step"].startswith("%%time")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): pass\nclass G: pass\nasync def h(): pass", {"f", "g", "h"}),
        ("f = lambda x: x\ng: int = 3\nh.x = 2", {"f", "g"}),
        ("if True:\n    def f(): pass", {"f"}),
        ("def outer():\n    def f(): pass", {"outer"}),
        ("'''\ndef f(): pass\n'''", set()),
        ("!pip install x\ndef f(): pass\nx == 3", {"f"}),
        ("a" + ".b" * 50_000, set()),
        ("-" * 100_000, set()),
        ("f\0= 3", set()),
    ],
)
def test_defined_names(source, expected):
    assert {n.lower() for n in defined_names(source)} == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings(encoding):
    data = json.dumps(nb.solved(), ensure_ascii=False).encode(encoding)
    got = sanitize(data, RELEASE)
    assert sources(got) == SOLVED
    assert got.notes == ("The file was not plain UTF-8 and has been converted.",)


def test_a_stray_byte_costs_a_character_not_the_notebook():
    got = sanitize(nb.raw(nb.solved()).replace(b"chain rule", b"chain \xe9 rule"), RELEASE)
    assert "chain � rule" in sources(got, "written")["in_words"]
    assert sources(got) == SOLVED


def test_an_nbformat_3_notebook():
    notebook = nb.solved()
    for c in notebook["cells"]:
        if c["cell_type"] == "code":
            c["input"] = c.pop("source").splitlines(keepends=True)
    notebook["cells"][0] |= {"cell_type": "heading", "source": "The assignment", "level": 1}
    old = {"worksheets": [{"cells": notebook["cells"]}], "nbformat": 3, "metadata": {}}
    got = clean(old)
    assert sources(got) == SOLVED
    assert names(got) == ORDER


def test_odd_sources():
    def odd(notebook):
        nb.find(notebook, "step")["source"] = ["def step(x):\n", 3, None, "    return 1"]
        nb.find(notebook, "loop")["source"] = 17
        nb.find(notebook, "loss")["source"] = {"a": 1}
        notebook["cells"] += [None, 3, "code", [], {}, {"cell_type": "code"}, {"source": "\ud800"}]

    got = clean(nb.solved(odd))
    assert got.status == "graded"
    assert sources(got)["step"] == "def step(x):\n    return 1"
    assert sources(got)["loop"] == ""
    assert "Entries that are no cells were left out (4)." in got.notes
    for c in got.cells:
        c.source.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\xff\xfe", "damaged"),
        (nb.raw(nb.solved())[:2000], "damaged"),
        (b"[" * 100_000, "nested"),
        (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
        (b"[]", "no notebook"),
        (b"null", "no notebook"),
        (b"NaN", "no notebook"),
        (b"1" * 10_000, "no notebook"),
        (b'{"cells": 3}', "no list of cells"),
        (b'{"worksheets": {}}', "no list of cells"),
        (b"\x00\x01\x02\x03\x04", "damaged"),
        (b"PK\x03\x04zip", "damaged"),
    ],
)
def test_what_cannot_be_read_is_said_plainly(data, reason):
    got = sanitize(data, RELEASE)
    assert got.status == "unreadable"
    assert got.needs_human
    assert got.cells == ()
    assert reason in got.notes[-1]


def test_no_cells_is_a_submission_without_answers():
    got = clean({"cells": []})
    assert got.status == "graded"
    assert all(c.untouched for c in got.cells)


def test_huge_cells_cost_themselves_only(monkeypatch):
    parsed = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda source: (parsed.append(len(source)), parse(source))[1])

    def huge(notebook):
        notebook["cells"].append(nb.cell("markdown", "x" * (sn.MAX_CELL + 1)))
        notebook["cells"] += [nb.cell("code", "# step\n" + "y=1\n" * 200_000) for _ in range(8)]

    got = clean(nb.solved(huge))
    assert sources(got) == SOLVED
    assert len(got.notes) == 2
    assert sum(len(c.source) for c in got.cells) < 5_000_000
    assert 0 < sum(parsed) <= sn.MAX_PARSED


def test_too_many_cells_are_cut():
    got = clean(nb.solved(lambda n: n["cells"].extend([nb.cell("code", "1")] * 5000)))
    assert len(got.cells) < sn.MAX_CELLS + 100
    assert "Only the first 2,000 cells were looked at." in got.notes


def test_random_damage_never_raises():
    """Flip, cut, repeat and swap parts of a notebook: always a submission, always encodable."""
    rng = random.Random(20250301)
    whole = nb.raw(nb.solved())
    statuses = set()
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            i, j = sorted(rng.randrange(len(data) + 1) for _ in range(2))
            action = rng.randrange(5)
            if action == 0 and i < len(data):
                data[i] = rng.randrange(256)
            elif action == 1:
                del data[i : i + rng.randint(1, 40)]
            elif action == 2:
                data[i:i] = data[i : min(j, i + 400)]
            elif action == 3:
                data[i:i] = rng.choice([b'"', b"{", b"]", b"null", b"\x00", b"\\ud800", b"NaN"])
            elif rng.random() < 0.1:
                del data[j:]
        got = sanitize(bytes(data), RELEASE)
        statuses.add(got.status)
        for c in got.cells:
            c.source.encode()
    assert statuses == {"graded", "unreadable"}


def test_random_changes_of_structure_never_raise():
    """Replace random values of the JSON tree by values of other types."""
    rng = random.Random(7)
    odd = [None, 0, -1.5, "", "x", [], {}, [[]], {"a": []}, True, "step", ["step"], 10**30]

    def places(value, found):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in list(items):
            found.append((value, key))
            if isinstance(below, dict | list):
                places(below, found)
        return found

    for _ in range(1500):
        notebook = nb.solved()
        for _ in range(rng.randint(1, 12)):
            container, key = rng.choice(places(notebook, []))
            container[key] = copy.deepcopy(rng.choice(odd))
        got = clean(notebook)
        if got.status == "graded":
            assert {c.name for c in got.cells if c.kind == "solution"} == set(nb.EXERCISES)
            given = [c.name for c in got.cells if c.kind not in ("own", "free")]
            assert given == [n for n in ORDER if n != "experiment"]


# --- folders --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "alice" / "a1"
    made.mkdir(parents=True)
    return made


def put(path, notebook=None):
    path.write_bytes(nb.raw(notebook or nb.solved()))
    return path


def test_read_the_expected_file(folder):
    put(folder / "a1.ipynb")
    got = load_submission(folder, "a1", RELEASE)
    assert got.status == "graded"
    assert got.notes == ()
    assert len(got.hash) == 64


def test_a_file_beside_it_changes_nothing(folder):
    put(folder / "a1.ipynb")
    put(folder / "a1-Copy1.ipynb", {"cells": []})
    (folder / "numpy.py").write_text("raise SystemExit")
    got = load_submission(folder, "a1", RELEASE)
    assert sources(got) == SOLVED
    assert not got.needs_human


@pytest.mark.parametrize("name", ["a1 (1).ipynb", "A1.IPYNB", "homework.ipynb", "sub/a1.ipynb"])
def test_the_only_notebook_is_taken_under_any_name(folder, name):
    (folder / "sub").mkdir()
    put(folder / name)
    got = load_submission(folder, "a1", RELEASE)
    assert sources(got) == SOLVED
    assert name in got.notes[0]
    assert not got.needs_human


def test_of_several_wrong_names_the_nearest_is_taken_and_a_person_asked(folder):
    put(folder / "a1 (2).ipynb")
    put(folder / "notes.ipynb", {"cells": []})
    got = load_submission(folder, "a1", RELEASE)
    assert sources(got) == SOLVED
    assert got.needs_human


def test_missing(folder):
    assert read_submission(folder.parent / "a2", "a2").status == "missing"
    assert read_submission(folder.parent.parent / "bob" / "a1", "a1").status == "missing"
    (folder / "report.pdf").write_text("x")
    got = load_submission(folder, "a1", RELEASE)
    assert (got.status, got.needs_human, got.hash) == ("missing", True, "")


def test_links_are_not_followed(folder, tmp_path):
    target = put(tmp_path / "source.ipynb")
    (folder / "a1.ipynb").symlink_to(target)
    got = load_submission(folder, "a1", RELEASE)
    assert got.status == "unreadable"
    assert got.notes == ('"a1.ipynb" is a link and was not followed.',)
    put(folder / "mine.ipynb")
    got = load_submission(folder, "a1", RELEASE)
    assert got.status == "graded"
    assert got.needs_human


def test_linked_folders_are_not_followed(folder, tmp_path):
    put(folder / "a1.ipynb")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "a1").symlink_to(folder)
    assert read_submission(tmp_path / "bob" / "a1", "a1").status == "unreadable"
    (tmp_path / "carol").symlink_to(folder.parent)
    assert read_submission(tmp_path / "carol" / "a1", "a1").status == "unreadable"
    (tmp_path / "dan" / "a1").mkdir(parents=True)
    (tmp_path / "dan" / "a1" / "sub").symlink_to(folder)
    assert read_submission(tmp_path / "dan" / "a1", "a1").status == "missing"


def test_pipes_and_folders_are_not_opened(folder):
    os.mkfifo(folder / "a1.ipynb")
    os.mkfifo(folder / "timestamp.txt")
    assert read_submission(folder, "a1").notes == (
        '"a1.ipynb" is not a regular file and was not opened.',
    )
    (folder / "a1.ipynb").unlink()
    (folder / "a1.ipynb").mkdir()
    assert read_submission(folder, "a1").status == "unreadable"


def test_large_files_are_refused(folder):
    with open(folder / "a1.ipynb", "wb") as file:
        file.truncate(sn.MAX_FILE + 1)
    got = read_submission(folder, "a1")
    assert got.status == "unreadable"
    assert "larger than 20 MB" in got.notes[0]


def test_hostile_names_are_shown_harmlessly(folder):
    put(folder / "\x1b[31m\n‮.ipynb")
    (note,) = read_submission(folder, "a1").notes
    assert note.isprintable()


def test_the_exchange_timestamp_is_read(folder):
    put(folder / "a1.ipynb")
    (folder / "timestamp.txt").write_text("2025-03-01 12:00:00.000000 UTC\n")
    assert load_submission(folder, "a1", RELEASE).timestamp == "2025-03-01 12:00:00.000000 UTC"
    (folder / "timestamp.txt").write_bytes(b"\xff" * 4000)
    assert load_submission(folder, "a1", RELEASE).timestamp == ""
