"""What readers and students of the course import: ``from unrolled import check``."""

from unrolled.check import check

__all__ = ["check"]
