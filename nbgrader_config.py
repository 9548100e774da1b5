from pathlib import Path

from autograder.nbgrader import configure

c = get_config()  # noqa: F821 - nbgrader defines it
c.CourseDirectory.course_id = "unrolled"  # the name of the course in nbgrader's exchange
configure(c, Path(__file__).parent)
