"""A term in a real hub and a real browser: one instructor, two students, one assignment.

``make hubtest`` runs it. HUB_PICTURES names a folder for the screenshots that the book shows.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("jupyterhub", reason="only with deploy/requirements.txt: make hubtest")
pytest.importorskip("playwright", reason="only with tests/deploy/requirements.txt: make hubtest")

import hubs
from playwright.sync_api import FrameLocator, Page, expect

from autograder import sample_class
from autograder.course import Course
from autograder.gradebook import open_gradebook
from autograder.release import release

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hub")]

A1 = "a1_rnn"
MISTAKE = ("temporal_softmax_loss", "gradient-not-masked")  # nothing builds on this function
HINT = "Change a logit at a masked step"
SETTINGS = """
accounts = "one"
course = "course"
port = {port}
instructors = ["instructor"]
students = ["ada", "ben"]
owner = "unused"
exchange = "unused"
state = "unused"
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("hub") / "course")
    course.root.mkdir()
    for name in ("nbgrader_config.py", "_config.yml"):
        shutil.copy(hubs.ROOT / name, course.root)
    release(course, A1)
    return course


@pytest.fixture(scope="module")
def hub(course):
    port = hubs.free_ports()
    settings = course.root.parent / "hub.toml"
    settings.write_text(SETTINGS.format(port=port))
    with hubs.running(settings, course.root.parent / "hub.log", port) as hub:
        hub.wait_for("/services/unrolled/api")
        yield hub


@pytest.fixture(scope="module")
def browser():
    with hubs.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = Path(os.environ.get("HUB_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_formgrader_refuses_a_student_and_the_hub_a_stranger(hub, browser):
    ben = hubs.log_in(browser, hub, "ben")
    ben.wait_for_url(lambda url: "/hub/login" not in url)
    answer = ben.goto(f"{hub.url}/services/unrolled/formgrader/manage_assignments")
    assert answer.status == 403
    stranger = hubs.log_in(browser, hub, "stranger")
    expect(stranger.locator(".login_error")).to_contain_text("Invalid")
    guesser = hubs.log_in(browser, hub, "instructor", "another-password")
    expect(guesser.locator(".login_error")).to_contain_text("Invalid")


def test_a_term_in_the_browser(course, hub, browser, pictures):
    instructor = hubs.log_in(browser, hub, "instructor")
    instructor.wait_for_url("**/services/unrolled/formgrader/manage_assignments")
    expect(instructor.locator("td.release a")).to_be_visible()
    hubs.picture(instructor, pictures / "hub-formgrader.png", 480)
    press(instructor, "td.release a", "Successfully released 'a1_rnn'")

    ada = hubs.log_in(browser, hub, "ada")
    fetch(ada, hub, "ada")
    hubs.picture(ada, pictures / "hub-fetched.png", 480)
    write_answers(ada, hub, "ada")
    said = validate(ada, hub, "ada")
    assert "passes all the tests" in said
    submit(ada, hub, "ada")
    hubs.picture(ada, pictures / "hub-submitted.png", 480)

    ben = hubs.log_in(browser, hub, "ben")
    fetch(ben, hub, "ben")
    write_answers(ben, hub, "ben", MISTAKE)
    said = validate(ben, hub, "ben", pictures / "hub-validate.png")
    assert HINT in said
    submit(ben, hub, "ben")

    press(instructor, "td.collect a", "Successfully collected")
    instructor.locator("td.num-submissions a").click()
    instructor.wait_for_url(f"**/manage_submissions/{A1}")
    for student in ("ada", "ben"):
        row = instructor.get_by_role("row").filter(has_text=student)
        expect(row.locator("td.status")).to_have_text("needs autograding")
        press(row, "td.autograde a", f"for student '{student}'")
        expect(row.locator("td.status")).to_have_text("needs manual grading")
    hubs.picture(instructor, pictures / "hub-graded.png", 480)
    marks = marks_of(course)
    assert marks["ada"] == sum(points(course).values())
    assert 0 < marks["ada"] - marks["ben"] <= points(course)[MISTAKE[0]]  # its loss is right

    instructor.goto(f"{hub.url}/services/unrolled/formgrader/manage_assignments")
    press(instructor, "td.generate-feedback a", "Successfully generated feedback")
    press(instructor, "td.release-feedback a", "Successfully released feedback")

    page = read_feedback(ben, hub, "ben")
    expect(page.get_by_text(HINT).first).to_be_visible()
    hubs.picture(ben, pictures / "hub-feedback.png")


# --- what an instructor does ----------------------------------------------------------------------


def press(place, button: str, expected: str) -> None:
    """Press a button of the formgrader; read what its box says, and close it."""
    page = place if isinstance(place, Page) else place.page
    place.locator(button).click()
    box = page.locator("#success-modal, #error-modal")
    expect(box).to_be_visible()
    assert expected in box.inner_text()
    assert box.get_attribute("id") == "success-modal"
    box.get_by_role("button", name="OK").click()
    expect(box).to_have_count(0)


def marks_of(course: Course) -> dict[str, float]:
    """The graded points in the gradebook, by student; written answers wait for a person."""
    with open_gradebook(course) as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(A1)}


def points(course: Course) -> dict[str, float]:
    """The points of each exercise, as released."""
    return {
        cell["metadata"]["nbgrader"]["grade_id"].removeprefix("check_"): float(
            cell["metadata"]["nbgrader"]["points"]
        )
        for cell in released(course)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("check_")
    }


def released(course: Course) -> dict:
    return json.loads((course.assignments / A1 / f"{A1}.ipynb").read_text(encoding="utf-8"))


# --- what a student does --------------------------------------------------------------------------


def assignment_list(page: Page, hub: hubs.Hub, student: str) -> None:
    """Open JupyterLab anew, and in it nbgrader's list of assignments."""
    page.goto(f"{hub.url}/user/{student}/lab?reset")
    page.locator("#jp-main-dock-panel").wait_for()
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()
    page.locator("#assignments").wait_for()


def fetch(page: Page, hub: hubs.Hub, student: str) -> None:
    """Fetch the assignment, as the list offers it."""
    assignment_list(page, hub, student)
    page.locator("#released_assignments_list button", has_text="Fetch").click()
    expect(page.locator("#fetched_assignments_list")).to_contain_text(A1)


def write_answers(page: Page, hub: hubs.Hub, student: str, mistake: tuple | None = None) -> None:
    """Fill in the fetched notebook through the student's own server, right but for a mistake."""
    path = f"{hub.url}/user/{student}/api/contents/{A1}/{A1}.ipynb"
    status, text = page.evaluate(ASK, [path, "GET", None])
    assert status == 200, text
    notebook = json.loads(text)
    sample_class.solve(notebook["content"], A1)
    if mistake:
        sample_class.mistake(notebook["content"], A1, *mistake)
    body = json.dumps({key: notebook[key] for key in ("type", "format", "content")})
    status, text = page.evaluate(ASK, [path, "PUT", body])
    assert status == 200, text


ASK = """async ([path, method, body]) => {
    const token = document.cookie.match(/_xsrf=([^;]+)/)[1];
    const headers = {"Content-Type": "application/json", "X-XSRFToken": token};
    const answer = await fetch(path, {method, headers, body: body ?? undefined});
    return [answer.status, await answer.text()];
}"""


def validate(page: Page, hub: hubs.Hub, student: str, picture: Path | None = None) -> str:
    """Open the notebook, press Validate, and read the box that comes."""
    page.goto(f"{hub.url}/user/{student}/lab/tree/{A1}/{A1}.ipynb?reset")
    page.get_by_role("button", name="Validate").click()
    box = page.locator(".jp-Dialog")
    expect(box).to_contain_text("Validation Results")
    if picture:
        hubs.picture(page, picture)
    text = box.inner_text()
    box.get_by_role("button", name="OK").click()
    return text


def submit(page: Page, hub: hubs.Hub, student: str) -> None:
    """Hand in, and see it in the list."""
    assignment_list(page, hub, student)
    page.locator("#fetched_assignments_list button", has_text="Submit").click()
    expect(page.locator("#submitted_assignments_list")).to_contain_text(A1)


def read_feedback(page: Page, hub: hubs.Hub, student: str) -> FrameLocator:
    """Fetch the feedback, go where the list leads, and open the page that is there."""
    assignment_list(page, hub, student)
    handed_in = page.locator("#submitted_assignments_list")
    handed_in.get_by_role("button", name="Fetch Feedback").click()
    handed_in.get_by_text("(view feedback)").click()
    page.locator(".jp-DirListing-item", has_text=f"{A1}.html").dblclick()
    return page.frame_locator(".jp-HTMLViewer iframe")
