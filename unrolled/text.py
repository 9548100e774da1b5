"""A verdict as plain text, for a notebook or a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from unrolled.verdict import Row, Verdict


def verdict_text(verdict: Verdict) -> str:
    """A small table (output, case, shape, largest error, mark), then the hints with their links."""
    outputs = list(dict.fromkeys(row.output for row in verdict.rows))
    rows = [summary([r for r in verdict.rows if r.output == output]) for output in outputs]
    right = sum(mark == "✓" for mark, *_ in rows)
    head = f"{verdict.exercise}: {right} of {len(rows)} results are right"
    lines = [head, *columns([("", "result", "case", "shape", "largest error", ""), *rows])]
    if verdict.outcome != "pass" and not verdict.matches:
        lines += ["", verdict.message]
    for match in verdict.matches:
        lines += ["", f"Hint: {match.hint}", f"Read: {match.link}"]
    return "\n".join(lines)


def summary(rows: Sequence[Row]) -> tuple[str, ...]:
    """One line for one output: its first wrong case, or all cases together."""
    wrong = next((r for r in rows if not r.ok), None)
    row = wrong or max(rows, key=lambda r: r.error or 0.0)
    case = row.case if wrong or len(rows) == 1 else f"all {len(rows)} cases"
    error = "" if row.error is None else f"{row.error:.1e}"
    return ("✗" if wrong else "✓", row.output, case, rows[0].shape, error, row.note)


def columns(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Pad the cells of every column but the last to one width."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, [*widths[:-1], 0])).rstrip() for row in table]
