"""Say what this machine lacks, and what follows: ``python -m autograder.machine``."""

from __future__ import annotations

import shutil

from autograder.sandbox import wall

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The path of a Chromium, with which the tests look at pages; None if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def lacking() -> list[str]:
    """One sentence for each thing that is missing, with the remedy."""
    found = []
    if reason := wall.missing():
        found.append(reason)
    if browser() is None:
        found.append(
            "No Chromium is installed, so the tests cannot open the pages in a browser. "
            "Install it with: apt-get install chromium"
        )
    return found


def main() -> int:
    """Print what is lacking; the status is the number of things."""
    missing = lacking()
    for sentence in missing:
        print(sentence)
    return len(missing)


if __name__ == "__main__":
    raise SystemExit(main())
