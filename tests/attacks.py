"""Run the whole corpus through the grader: ``python tests/attacks.py [--only TEXT ...]``.

One line per case: mark, just mark, whether others were harmed, what leaked, seconds. The exit
status is 1 if any case falls short. With ``--stock`` the cases that mean something there are graded
by stock nbgrader instead, for comparison; the book's page about attacks shows both from the file
that ``--table`` writes.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from submissions import CASES, Case
from submissions.arena import Arena, Outcome
from submissions.case import ASSIGNMENT, FULL
from submissions.stock import CELL_SECONDS, HUNG_SECONDS, KINDS, Stock, StockOutcome

from autograder.course import write_atomic

OWN_MEMORY = 8 * 2**30
"""Address space of the grader in bytes: a submission that makes it grow must be seen, not felt."""
PACKAGES = ("nbgrader", "nbclient", "ipykernel", "ipython", "numpy", "torch", "unrolled")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", default=[""], help="run cases whose group.name holds one of these"
    )
    parser.add_argument(
        "--stock", action="store_true", help="run them through stock nbgrader instead"
    )
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="keep the outcomes in FILE, which the book shows; of stock nbgrader, run only what is "
        "not in it yet",
    )
    args = parser.parse_args()
    if args.table and args.only != [""] and not same_versions(args.table, args.stock):
        parser.error(f"{args.table} was measured with other versions; run all cases, not some")
    cases = [c for c in CASES.values() if any(t in f"{c.group}.{c.name}" for t in args.only)]
    return stock(cases, args.table) if args.stock else ours(cases, args.table)


def ours(cases: Sequence[Case], file: Path | None) -> int:
    """Grade the cases; the exit status."""
    outcomes: list[Outcome] = []
    resource.setrlimit(resource.RLIMIT_AS, (OWN_MEMORY, resource.RLIM_INFINITY))
    with Arena() as arena:
        for case in cases:
            outcome = arena.run(case)
            outcomes.append(outcome)
            print(outcome.line(), flush=True)
            if file:
                mark = outcome.result.score if outcome.result else None
                keep(file, "ours", case, entry(mark, outcome.seconds, sorted_out(outcome)))
    print(summary(outcomes))
    return int(any(o.faults for o in outcomes))


def stock(cases: Sequence[Case], file: Path | None) -> int:
    """Let stock nbgrader grade those of the cases that mean something there."""
    known = table(file, "stock")["outcomes"] if file else {}
    with Stock() as course:
        if file:
            shown = course.feedback_shows_hidden_tests()
            settings = {"cell_seconds": CELL_SECONDS, "hung_seconds": HUNG_SECONDS}
            keep(file, "stock", settings=settings, feedback_shows_hidden_tests=shown)
        for case in cases:
            if case.stock and case.name not in known:
                outcome = course.run(case)
                print(stock_line(outcome), flush=True)
                if file:
                    made = entry(outcome.mark, outcome.seconds, outcome.happened)
                    keep(file, "stock", case, made)
    return 0


# --- what is shown --------------------------------------------------------------------------------


def summary(outcomes: list[Outcome]) -> str:
    """The counts of the attack table."""
    count: Counter[str] = Counter()
    for o in outcomes:
        low, high = o.case.just
        count["unearned points"] += o.mark > high
        count["points lost"] += o.mark < low
        count["leaked"] += bool(o.leaked)
        count["harmed others"] += bool(o.harmed)
        count["stopped the run"] += o.result is None
        count["falls short"] += bool(o.faults)
    return f"{len(outcomes)} cases: " + ", ".join(f"{what} {n}" for what, n in count.items())


def sorted_out(o: Outcome) -> list[tuple[str, str]]:
    """The faults of a case, as pairs of one of ``KINDS`` and a text."""
    kinds = {
        "unearned points": "unearned",
        "points lost": "lost",
        "leaked": "leak",
        "harmed": "harm",
        "grading raised": "stop",
    }
    return [
        (next((k for start, k in kinds.items() if fault.startswith(start)), "trouble"), fault)
        for fault in o.faults
    ]


def stock_line(o: StockOutcome) -> str:
    """The line of a case in stock nbgrader."""
    said = "; ".join(text for _, text in o.happened) or "as it should"
    mark = "none" if o.mark is None else f"{o.mark:g}"
    return f"stock  {o.case.name:<41} {mark:>6} {o.seconds:6.1f} s  {said}"


# --- what is kept ---------------------------------------------------------------------------------


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def same_versions(file: Path, stock: bool) -> bool:
    """Whether what ``file`` holds of a grader, if anything, was measured with what runs now."""
    part = read(file).get("stock" if stock else "ours", {})
    return part.get("versions", versions()) == versions()


def table(file: Path, grader: str) -> dict[str, Any]:
    """What ``file`` holds of a grader; nothing if it was measured with other versions."""
    part = read(file).get(grader, {})
    if part.get("versions") != versions():
        return {"versions": versions(), "outcomes": {}}
    return part


def entry(mark: float | None, seconds: float, said: Sequence[Any]) -> dict[str, Any]:
    return {"mark": mark, "seconds": round(seconds, 1), "said": list(said)}


def keep(
    file: Path,
    grader: str,
    case: Case | None = None,
    outcome: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    """Put the outcome of a case, and what else is known of a grader, into ``file``."""
    whole = read(file)
    part = table(file, grader) | {"date": datetime.now(UTC).date().isoformat(), **more}
    if case:
        part["outcomes"][case.name] = outcome
    # Cases that are gone or renamed leave the table by themselves.
    part["outcomes"] = {name: part["outcomes"][name] for name in CASES if name in part["outcomes"]}
    cases = {
        c.name: {"group": c.group, "text": c.text, "just": list(c.just)} for c in CASES.values()
    }
    whole |= {"assignment": ASSIGNMENT, "full": FULL, "kinds": KINDS, "cases": cases, grader: part}
    write_atomic(file, "".join(lines(whole)).encode())


def lines(value: Any, depth: int = 0) -> Iterator[str]:
    """JSON with one line per case, so that a change of one case is a change of one line."""
    if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
        for i, (key, item) in enumerate(value.items()):
            yield "{" if i == 0 else ","
            yield f"\n{' ' * (depth + 1)}{json.dumps(key)}: "
            yield from lines(item, depth + 1)
        yield "\n" + " " * depth + "}" + ("\n" if depth == 0 else "")
    else:
        yield json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
