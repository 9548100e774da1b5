"""The page about attacks on the grader: all groups, all numbers from the file of the runs."""

import json
import re

from submissions import CASES

from autograder.book import ROOT

PAGE = (ROOT / "book" / "instructor" / "attacks.md").read_text("utf-8")
MEASURED = json.loads((ROOT / "book" / "_data" / "attacks.json").read_text("utf-8"))


def test_every_group_of_submissions_is_shown() -> None:
    shown = re.findall(r'^show\("(\w+)"\)$', PAGE, re.MULTILINE)
    assert sorted(shown) == sorted({case.group for case in CASES.values()})


def test_no_number_of_the_text_is_typed_by_hand() -> None:
    head, text = PAGE.split("\n---\n", 1)
    assert "jupytext" in head
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert len(text) > 3000
    assert re.findall(r"\d+", text) == []


def test_no_path_of_a_machine_is_shown() -> None:
    found = json.dumps(MEASURED["ours"]) + json.dumps(MEASURED["stock"])
    assert not re.search(r"/(tmp|home|root|work|var|opt)/", found)
