"""Run the whole corpus through the grader: ``python tests/attacks.py [--only TEXT]``.

One line per case: mark, just mark, whether others were harmed, what leaked, seconds. The exit
status is 1 if any case falls short.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections import Counter

from submissions import CASES
from submissions.arena import Arena, Outcome

OWN_MEMORY = 8 * 2**30
"""Address space of the grader in bytes: a submission that makes it grow must be seen, not felt."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="run cases whose group.name holds this text")
    args = parser.parse_args()
    cases = [c for c in CASES.values() if args.only in f"{c.group}.{c.name}"]
    outcomes = []
    resource.setrlimit(resource.RLIMIT_AS, (OWN_MEMORY, resource.RLIM_INFINITY))
    with Arena() as arena:
        for case in cases:
            outcome = arena.run(case)
            outcomes.append(outcome)
            print(outcome.line(), flush=True)
    print(summary(outcomes))
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


if __name__ == "__main__":
    sys.exit(main())
