"""What the instructor runs: release, sandbox, judge, gradebook, feedback, report."""

import sys

# nbformat imports jsonschema, which would load this grammar of IRIs for 2.5 s in every process.
# Nothing here validates IRIs, and jsonschema does without the module where it is not installed.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
