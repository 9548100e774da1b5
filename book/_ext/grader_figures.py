"""What `make graders` measured, for the front matter: ``{{ known_mistakes }}`` and so on.

The file is written by the measurement, and a test holds that it is that of the present probes.
"""

import json
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

FIGURES = "_data/graders.json"


def listed(names: list[str]) -> str:
    """The names as they stand in a sentence: a, b and c."""
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last


def totals(figures: dict[str, dict]) -> dict[str, int | str]:
    """The figures of all assignments together."""
    rows = [row for assignment in figures.values() for row in assignment["exercises"]]

    def total(key: str) -> int:
        return sum(row[key] for row in rows)

    return {
        "measured_assignments": listed([f"`{name}`" for name in figures]),
        "graded_exercises": len(rows),
        "known_mistakes": total("bank"),
        "mistakes_found": total("found"),
        "hints_right": total("hints"),
        "wrong_hints": total("wrong_hints"),
        "correct_variants": total("variants"),
        "variants_accepted": total("accepted"),
        "mutants": total("mutants"),
        "mutants_found": total("mutants_found"),
        "mutants_equivalent": total("equivalent"),
    }


def read(app: Sphinx, config: Config) -> None:
    figures = json.loads((Path(app.srcdir) / FIGURES).read_text(encoding="utf-8"))
    config.myst_substitutions = {**config.myst_substitutions, **totals(figures)}


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
