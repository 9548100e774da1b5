"""The directive ``{spot-the-error}``: a wrong statement from a source, for the reader to find.

It is an admonition with a class of its own. By custom it holds what the source says and, in a
``{dropdown}``, the right statement; the code cell that runs the wrong equation and sees it fail
follows the box, because a code cell cannot stand inside a directive.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class SpotTheError(SphinxDirective):
    """An admonition titled "Spot the error: <argument>"."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        title, messages = self.parse_inline(self.arguments[0])
        box = nodes.admonition(classes=["admonition", "spot-the-error"])
        box += nodes.title("", "", nodes.Text("Spot the error: "), *title)
        self.set_source_info(box)
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box, *messages]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("spot-the-error", SpotTheError)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
