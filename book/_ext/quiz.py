"""The directive ``{quiz}``: a question with answers to choose from and feedback for each of them.

Written as a task list; the feedback is what is indented below an answer::

    ```{quiz} Which array does the recurrence need from the step before?
    - [ ] the input $x_{t-1}$

      It has done its work: whatever matters of it is in $h_{t-1}$.
    - [x] the hidden state $h_{t-1}$

      Yes: ...
    ```

One right answer makes radio buttons, several make check boxes. The page needs no script: a style
rule shows the feedback that follows a checked box. So it works offline, by keyboard, with the
scripts blocked, and in print (where all feedback is shown).
"""

import re

from docutils import nodes
from katex_math import render
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

MARKS = {"[ ] ": False, "[x] ": True}


class quiz(nodes.General, nodes.Element):
    """Children: the question (a paragraph), then `quiz_answer` nodes. Attribute `serial`."""


class quiz_answer(nodes.General, nodes.Element):
    """Children: the answer (a paragraph), then its feedback. Attributes `id`, `name`, `kind`."""


class Quiz(SphinxDirective):
    """Parse the question and the task list of answers; complain about what cannot be a quiz."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        question, messages = self.parse_inline(self.arguments[0])
        answers = [self._answer(item) for item in self._items()]
        right = sum(answer["right"] for answer in answers)
        if len(answers) < 2 or right == 0:
            raise self.error("a quiz has two or more answers, at least one of them '- [x] ...'")
        serial = self.env.new_serialno("quiz")
        box = quiz()
        box += nodes.paragraph("", "", *question, classes=["quiz-question"])
        for k, answer in enumerate(answers):
            answer["kind"] = "radio" if right == 1 else "checkbox"
            answer["group"] = f"quiz-{serial}"
            answer["key"] = f"quiz-{serial}-{k}"
            box += answer
        self.set_source_info(box)
        return [box, *messages]

    def _items(self) -> list[nodes.list_item]:
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        lists = [child for child in holder if isinstance(child, nodes.bullet_list)]
        if len(holder) != 1 or len(lists) != 1:
            raise self.error("the content of a quiz is one list of answers")
        return list(lists[0].children)

    def _answer(self, item: nodes.list_item) -> quiz_answer:
        label, *feedback = item.children
        first = label[0] if len(label) else nodes.Text("")
        mark = first.astext()[:4] if isinstance(first, nodes.Text) else ""
        if mark not in MARKS:
            raise self.error(f"an answer starts with '[ ] ' or '[x] ', not {label.astext()!r}")
        if not feedback:
            raise self.error(f"the answer {label.astext()!r} has no feedback")
        label.replace(first, nodes.Text(first.astext()[4:]))
        return quiz_answer("", label, *feedback, right=MARKS[mark])


def visit_quiz_html(self: HTML5Translator, node: quiz) -> None:
    question = node[0]
    self.body.append('<fieldset class="quiz">\n<legend>')
    for child in question.children:
        child.walkabout(self)
    self.body.append("</legend>\n")
    for child in node[1:]:
        child.walkabout(self)
    self.body.append("</fieldset>\n")
    raise nodes.SkipNode


def spoken_name(label: nodes.paragraph) -> str:
    """An attribute that names an answer which is nothing but a formula, or nothing.

    Not all software finds text in the MathML of such a label.
    """
    formula, *more = [child for child in label.children if child.astext().strip()]
    if more or not isinstance(formula, nodes.math):
        return ""
    mathml = re.search(r"<mrow>.*?(?=<annotation)", render(formula.astext(), display=False))[0]
    return f' aria-label="{re.sub("<[^>]+>", "", mathml)}"'


def visit_answer_html(self: HTML5Translator, node: quiz_answer) -> None:
    key, group, kind = node["key"], node["group"], node["kind"]
    state = "right" if node["right"] else "wrong"
    self.body.append(
        f'<div class="quiz-answer quiz-{state}">\n'
        f'<input type="{kind}" id="{key}" name="{group}"{spoken_name(node[0])}>'
        f'<label for="{key}">'
    )
    for child in node[0].children:
        child.walkabout(self)
    # The live region is always there and fills when the answer is chosen, so that it is read out.
    mark = "✓" if node["right"] else "✗"
    self.body.append(
        '</label>\n<div role="status"><div class="quiz-feedback">'
        f'<span class="quiz-mark" role="img" aria-label="{state}">{mark}</span> '
    )
    for child in node[1:]:
        child.walkabout(self)
    self.body.append("</div></div>\n</div>\n")
    raise nodes.SkipNode


def visit_plain(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Other builders (LaTeX, text) print question, answers and feedback one after the other."""


def setup(app: Sphinx) -> dict[str, bool]:
    plain = (visit_plain, visit_plain)
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), plain)
    app.add_node(quiz, html=(visit_quiz_html, None), **others)
    app.add_node(quiz_answer, html=(visit_answer_html, None), **others)
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
