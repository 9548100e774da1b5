"""Feedback for a learning platform: one zip file, laid out as the platform imports it.

Which name a platform wants for whom is known from the zip file that it handed out: ``course
collect`` keeps those names in ``grading/collected/<assignment>/origins.json``.

* Moodle ("Upload multiple feedback files in a zip") reads the participant's number and the kind of
  hand-in between the underscores of a folder's name: ``Jane Doe_1234_assignsubmission_file_/``.
* Canvas ("Upload Submissions") reads the first two numbers between the underscores of a file's
  name, the user and the file that was handed in: ``doejane_1234_56789_a1_rnn.html``. It shows the
  page as a comment, under the name of the file that was handed in.
* Blackboard and Gradescope import no feedback files. For them, and for mail, there is ``plain``.
"""

from __future__ import annotations

import json
from pathlib import Path

from autograder.course import Course, CourseError, write_atomic
from autograder.handout import zip_bytes
from autograder.lms import CANVAS, MOODLE

PLATFORMS = ("canvas", "moodle", "blackboard", "gradescope", "plain")
WITHOUT_IMPORT = ("blackboard", "gradescope")


def origins_path(course: Course, assignment: str) -> Path:
    return course.grading / "collected" / assignment / "origins.json"


def read_origins(course: Course, assignment: str) -> dict[str, dict[str, str]]:
    """By platform (in small letters) and student: the member of the zip file that was taken.

    Raises:
        CourseError: the file is damaged.
    """
    path = origins_path(course, assignment)
    try:
        origins = json.loads(path.read_bytes())
        return {str(p): {str(s): str(m) for s, m in of.items()} for p, of in origins.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        raise CourseError(
            f"{path} is damaged. Remove it and collect the platform's zip file again."
        ) from error


def add_origins(course: Course, assignment: str, platform: str, members: dict[str, str]) -> None:
    """Remember from which member each student's submission came, beside what is known."""
    origins = read_origins(course, assignment)
    origins.setdefault(platform.lower(), {}).update(members)
    text = json.dumps(origins, indent=1, sort_keys=True, ensure_ascii=False)
    write_atomic(origins_path(course, assignment), f"{text}\n".encode())


def moodle_name(member: str, assignment: str) -> str | None:
    """Where in Moodle's zip the page of the student lies from whom ``member`` came."""
    if not (m := MOODLE.match(member)):
        return None
    name = m["name"].replace("_", " ")  # Moodle counts underscores
    return f"{name}_{m['user']}_assignsubmission_file_/{assignment}.html"


def canvas_name(member: str, assignment: str) -> str | None:
    """The same for Canvas."""
    if not (m := CANVAS.match(member.rsplit("/", 1)[-1])):
        return None
    late = "LATE_" if m["late"] else ""
    return f"{m['name']}_{late}{m['user']}_{m['submission']}_{assignment}.html"


NAMES = {"moodle": moodle_name, "canvas": canvas_name}


def write_zip(
    course: Course, assignment: str, platform: str, pages: list[Path]
) -> tuple[Path, list[str]]:
    """Write ``grading/feedback/<assignment>-<platform>.zip`` with the pages that were made.

    Args:
        pages: ``.../<student>/<assignment>/<assignment>.html``, as ``write_feedback`` returns them.

    Returns:
        The file, and the students whose page is not in it because the platform's name for them is
        not known.

    Raises:
        CourseError: the platform imports no such file, or nobody's name is known.
    """
    if platform in WITHOUT_IMPORT:
        raise CourseError(
            f"{platform.title()} imports no zip file of feedback. With --zip plain you get one "
            "with a page per student, to be attached by hand or sent by mail."
        )
    origins = read_origins(course, assignment).get(platform, {})
    members, unknown = {}, []
    for page in pages:
        student = page.parent.parent.name
        if platform == "plain":
            name = f"{student}/{assignment}.html"
        else:
            name = NAMES[platform](origins.get(student, ""), assignment)
        if name is None:
            unknown.append(student)
        else:
            members[name] = page.read_bytes()
    if not members:
        raise CourseError(
            f"How {platform.title()} names the students is not known. Collect its zip file first: "
            + course.command(f"collect {assignment} --from submissions.zip")
        )
    path = course.feedback / f"{assignment}-{platform}.zip"
    write_atomic(path, zip_bytes(members))
    return path, unknown
