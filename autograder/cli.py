"""The command ``course``: one small function per subcommand, modules loaded when they are used."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.course import Course, CourseError

EPILOG = """The usual order: release, collect, grade, formgrader, feedback, report, export.
Everything that a class produces lies under grading/, which git ignores."""


def build(course: Course, args: argparse.Namespace) -> int:
    from autograder.book import build_book

    print(build_book(strict=not args.lenient) / "index.html")
    return 0


def release(course: Course, args: argparse.Namespace) -> int:
    from autograder import release as releasing

    if args.check:
        found = releasing.check_committed(course.root)
        print("\n".join(found) or "Every committed assignment is what a fresh release makes.")
        return 1 if found else 0
    if not args.assignment:
        raise CourseError(f"Which assignment? For example: {course.command('release a1_rnn')}")
    folder = releasing.release(course, args.assignment, args.out)
    print(folder)
    if args.zip:
        from autograder.handout import write_handout

        print(write_handout(course, args.assignment, folder))
    if args.exchange:
        from autograder.exchange import release_assignment

        print("\n".join(release_assignment(course, args.assignment)))
    return 0


def check(course: Course, args: argparse.Namespace) -> int:
    from autograder.check import check_notebook

    if hasattr(sys.stdout, "reconfigure"):  # not every console knows a check mark
        sys.stdout.reconfigure(errors="replace")
    return 0 if check_notebook(course, args.notebook, args.assignment, args.seconds) else 1


def dates(course: Course, args: argparse.Namespace) -> int:
    from autograder import source, terms
    from autograder.course import create_once
    from autograder.lms import read_roster

    path = course.grading / terms.NAME
    if args.init:
        create_once(path, terms.TEMPLATE.encode(), mode=0o644)
    roster = read_roster(course.grading / "roster.csv")
    students = set(roster.ids.values()) if roster.path else None
    found = terms.read_terms(course, source.assignments())
    if found is None:
        print(f"Nothing is due. Begin the file with: {course.command('dates --init')}")
    else:
        print(terms.describe(found, students))
    print(path)
    return 0


def collect(course: Course, args: argparse.Namespace) -> int:
    from autograder import collect as collecting

    if args.source is None:
        return collecting.collect_from_exchange(course, args.assignment)
    if args.source.suffix.lower() == ".zip":
        print(collecting.table(*collecting.collect_from_zip(course, args.assignment, args.source)))
        return 0
    print("\n".join(collecting.collect_from(course, args.assignment, args.source)))
    return 0


def grade(course: Course, args: argparse.Namespace) -> int:
    from autograder.formgrader import waiting
    from autograder.grade import grade_class, left_to_do, summary

    results = grade_class(
        course,
        args.assignment,
        submissions_dir=args.submissions,
        jobs=args.jobs,
        scheduler=args.scheduler,
        json=args.json,
        force=args.force,
        students=args.student,
    )
    print(summary(results))
    print("\n".join(left_to_do(course, results, waiting(course).get(args.assignment, 0))))
    return 0


def regrade(course: Course, args: argparse.Namespace) -> int:
    from autograder import regrade as regrading

    changes = regrading.regrade(
        course,
        args.assignment,
        dry_run=args.dry_run,
        submissions_dir=args.submissions,
        jobs=args.jobs,
        force=args.force,
        students=args.student,
    )
    print(regrading.describe(changes, args.dry_run))
    return 0


def replay(course: Course, args: argparse.Namespace) -> int:
    from autograder.replay import replay as run_again

    print(run_again(course, args.student, args.assignment, args.exercise, every=args.all))
    return 0


def feedback(course: Course, args: argparse.Namespace) -> int:
    from autograder.feedback import write_feedback

    pages = write_feedback(course, args.assignment, args.student)
    if args.student:
        print("\n".join(map(str, pages)))
    else:
        print(f"Pages below {course.feedback}, in a folder for each student: {len(pages)}.")
    if args.zip:
        from autograder.publish import write_zip

        path, unknown = write_zip(course, args.assignment, args.zip, pages)
        print(f"{path}, with pages of {len(pages) - len(unknown)} students")
        if unknown:
            print(
                f"Not in it, because they were not in the zip file of {args.zip.title()}: "
                f"{', '.join(unknown)}."
            )
    if args.exchange:
        from autograder.exchange import release_feedback

        print("\n".join(release_feedback(course, args.assignment, args.student)))
    return 0


def formgrader(course: Course, args: argparse.Namespace) -> int:
    from autograder.formgrader import run

    run(course, args.port)
    return 0


def report(course: Course, args: argparse.Namespace) -> int:
    from autograder.overview import write_overview
    from autograder.report import write_report

    print(write_report(course, args.assignment) if args.assignment else write_overview(course))
    return 0


def export(course: Course, args: argparse.Namespace) -> int:
    from autograder import export as exporting

    path, notes = exporting.export(
        course,
        args.format,
        args.assignment,
        args.to,
        zero=args.zero,
        column_id=args.column_id,
    )
    print("\n".join([str(path), *notes]))
    return 0


def serve_book(course: Course, args: argparse.Namespace) -> int:
    import functools
    import http.server

    pages = course.root / "_build" / "html"
    if not (pages / "index.html").is_file():
        raise CourseError(f"The book is not built yet. Run: {course.command('build')}")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(pages))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), handler)
    except OSError as error:
        raise CourseError(
            f"Port {args.port} cannot be used ({error.strerror}); name another one with --port."
        ) from error
    with server:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        print(f"The book is at {address} until you press Ctrl-C.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
        print()
    return 0


def demo(course: Course, args: argparse.Namespace) -> int:
    from autograder.demo import run

    return run(course)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 86_400:
        raise ValueError
    return number


def parser() -> argparse.ArgumentParser:
    """The command line with all subcommands."""
    top = argparse.ArgumentParser(
        prog="course",
        description="Build the book, release assignments, grade a class.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--root", type=Path, help="the course's folder (default: found from here)")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, function, text):
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(function=function)
        return made

    def for_assignment(name, function, text):
        made = command(name, function, text)
        made.add_argument("assignment", help="for example a1_rnn")
        return made

    one = command("build", build, "build the book")
    one.add_argument("--lenient", action="store_true", help="warnings do not fail the build")

    one = command("release", release, "make what students get of an assignment")
    one.add_argument("assignment", nargs="?", help="for example a1_rnn")
    one.add_argument("--out", type=Path, metavar="DIR", help="instead of assignments/")
    one.add_argument(
        "--check", action="store_true", help="only compare assignments/ with fresh releases"
    )
    one.add_argument("--zip", action="store_true", help="also a zip file for a learning platform")
    one.add_argument("--exchange", action="store_true", help="also into nbgrader's exchange")

    one = command("check", check, "the visible checks, and what would be missing at hand-in")
    one.epilog = (
        "Runs the notebook's own code without the sandbox. Exit status: 0 if all is right and "
        "nothing is missing, 1 if not, 2 if the file cannot be checked."
    )
    one.add_argument("notebook", type=Path)
    one.add_argument("--assignment", metavar="NAME", help="if the file's name does not say it")
    one.add_argument(
        "--seconds",
        type=seconds,
        default=60.0,
        help="for each cell or check, at most a day (default: 60)",
    )

    one = command("dates", dates, "show due dates, the late policy and extensions")
    one.add_argument("--init", action="store_true", help="begin the file with an example")

    one = for_assignment("collect", collect, "bring submissions into grading/submitted")
    one.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="PATH",
        help="a zip file of Canvas, Moodle, Blackboard or Gradescope, or a folder with "
        "<student>/... (also clones); default: nbgrader's exchange",
    )

    def for_class(name, function, text):
        made = for_assignment(name, function, text)
        made.add_argument(
            "--submissions",
            type=Path,
            metavar="DIR",
            help="folder with <student>/<assignment>/ (default: grading/submitted)",
        )
        made.add_argument("--jobs", type=positive, metavar="N", help="default: all cores")
        made.add_argument("--student", action="append", metavar="ID", help="only this (repeatable)")
        made.add_argument("--force", action="store_true", help="grade again what is up to date")
        return made

    one = for_class("grade", grade, "grade all submissions of an assignment")
    one.add_argument("--scheduler", metavar="ADDRESS", help="hand the work to this Dask scheduler")
    one.add_argument("--json", type=Path, metavar="FILE", help="also write the results to FILE")

    one = for_class("regrade", regrade, "grade again after a change; say whose mark changes, why")
    one.add_argument("--dry-run", action="store_true", help="only say it, write nothing")

    one = command("replay", replay, "one exercise of one student call by call, as it was graded")
    one.add_argument("student")
    one.add_argument("assignment", help="for example a1_rnn")
    one.add_argument("exercise", help="for example rnn_backward")
    one.add_argument("--all", action="store_true", help="also the cases that are right")

    one = for_assignment("feedback", feedback, "write a page of feedback per student")
    one.add_argument("--student", action="append", metavar="ID", help="only this one (repeatable)")
    one.add_argument("--exchange", action="store_true", help="also into nbgrader's exchange")
    one.add_argument(
        "--zip",
        choices=("canvas", "moodle", "blackboard", "gradescope", "plain"),
        help="also a zip file that this platform imports (plain: a page per student)",
    )
    one = command("formgrader", formgrader, "mark the written answers in nbgrader's formgrader")
    one.add_argument("--port", type=int, default=0, help="default: any that is free")
    one = command("report", report, "write the page about the class, or about the course")
    one.add_argument("assignment", nargs="?", help="for example a1_rnn (default: all together)")

    one = command("export", export, "write the marks as CSV")
    one.add_argument("assignment", nargs="?", help="only this assignment")
    one.add_argument(
        "--format",
        choices=("nbgrader", "csv", "canvas", "moodle"),
        default="nbgrader",
        help="nbgrader's own table (default), a row per student, or what a platform imports",
    )
    one.add_argument("--to", type=Path, metavar="FILE", help="default: below grading/")
    one.add_argument("--zero", action="store_true", help="0 for who handed in nothing")
    one.add_argument(
        "--column-id", metavar="NUMBER", default="", help="Canvas's number of the assignment"
    )

    one = command("serve-book", serve_book, "serve the built book on this machine")
    one.add_argument("--port", type=int, default=8000, help="default: 8000")
    command("demo", demo, "build, release, grade a sample class, write feedback and report")
    return top


def course_of(args: argparse.Namespace) -> Course:
    """The course that ``--root`` names or that is found from here.

    A student's notebook may lie anywhere: it is checked with the course that this file belongs to.
    """
    if args.root:
        return Course(args.root.resolve())
    try:
        return Course.find()
    except CourseError:
        if args.command != "check":
            raise
        return Course(Path(__file__).resolve().parent.parent)


def explanation(error: Exception) -> str | None:
    """What to tell a person about an error that they can mend; None if it is a fault of ours."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, FileNotFoundError) and error.errno is None:
        return str(error)
    if type(error).__module__.startswith("sqlalchemy."):
        reason = str(error).splitlines()[0]
        return f"The gradebook cannot be read: {reason}. Close what uses it and try again."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 2 for an error that the person can mend."""
    args = parser().parse_args(argv)
    try:
        return args.function(course_of(args), args)
    except KeyboardInterrupt:
        goes_on = " What is done is kept; the same command goes on."
        more = goes_on if args.command in ("grade", "regrade") else ""
        print(f"\nStopped.{more}", file=sys.stderr)
        return 130
    except Exception as error:
        text = explanation(error)
        if text is None:
            raise
        print(f"course {args.command}: {text}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
