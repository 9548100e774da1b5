"""Run the whole corpus through the grader: ``python tests/attacks.py [--only TEXT ...]``.

One line per case: mark, just mark, whether others were harmed, what leaked, seconds. The exit
status is 1 if any case falls short.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections import Counter
from pathlib import Path

from submissions import CASES
from submissions.arena import Arena, Outcome
from submissions.stock import Stock, StockOutcome

OWN_MEMORY = 8 * 2**30
"""Address space of the grader in bytes: a submission that makes it grow must be seen, not felt."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", default=[""], help="run cases whose group.name holds one of these"
    )
    parser.add_argument(
        "--stock",
        metavar="FILE",
        help="also run the cases that mean something there through stock nbgrader, and write a "
        "Markdown table of both",
    )
    args = parser.parse_args()
    cases = [c for c in CASES.values() if any(t in f"{c.group}.{c.name}" for t in args.only)]
    outcomes: list[Outcome] = []
    beside: dict[str, StockOutcome] = {}
    resource.setrlimit(resource.RLIMIT_AS, (OWN_MEMORY, resource.RLIM_INFINITY))
    with Arena() as arena:
        for case in cases:
            outcome = arena.run(case)
            outcomes.append(outcome)
            print(outcome.line(), flush=True)
    print(summary(outcomes))
    if args.stock:
        with Stock() as stock:
            for o in outcomes:
                if o.case.stock:
                    beside[o.case.name] = stock.run(o.case)
                    print(stock_line(beside[o.case.name]), flush=True)
        Path(args.stock).write_text(table(outcomes, beside), "utf-8")
    return int(any(o.faults for o in outcomes))


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


def stock_line(o: StockOutcome) -> str:
    """The line of a case in stock nbgrader."""
    said = "; ".join(o.happened) or "as it should"
    mark = "none" if o.mark is None else f"{o.mark:g}"
    return f"stock  {o.case.name:<41} {mark:>6} {o.seconds:6.1f} s  {said}"


def table(outcomes: list[Outcome], beside: dict[str, StockOutcome]) -> str:
    """What each case does, its just mark, and what the two graders made of it, in Markdown."""
    lines = [
        "| submission | what it does | just mark | this grader | stock nbgrader | there |",
        "|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        other = beside.get(o.case.name)
        if other is None:
            continue
        low, high = o.case.just
        just = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        mark = "none" if other.mark is None else f"{other.mark:g}"
        text = o.case.text.replace("|", "\\|").replace("<", "&lt;").replace("$", "\\$")
        said = "; ".join(other.happened) or "as it should"
        lines.append(f"| `{o.case.name}` | {text} | {just} | {o.mark:g} | {mark} | {said} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
