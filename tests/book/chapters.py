"""Runs the cells of a chapter as the build does, and tests what every chapter must have.

The module of a chapter's tests names its page and what is expected of it, and inherits the tests:

    CHAPTER = "05-gradient-flow"
    DERIVATIVES, BOXES = 9, 4           # labelled derivatives; boxes "Spot the error"
    LINKED_BY_THE_ASSIGNMENT = [...]    # anchors

    class TestPage(EveryChapter):
        pass

Its own tests take the fixture `page` (see conftest.py), or `variables`: what the cells left behind.
"""

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import IPython.display
import jupytext
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from unrolled import gradcheck, interactive, plot

FOLDER = Path(__file__).parents[2] / "book" / "chapters"
# Whoever reads the book must still write these: functions and classes of the assignments.
ASSIGNED = (
    r"rnn_\w+|temporal_\w+|numerical_gradient|"
    r"word_embedding_\w+|batchify|clip_gradients|char_rnn_step|sample|perplexity|train_char_rnn|"
    r"matrix_power_eig|rescale_spectral_radius|gradient_norms|vanishing_bound|leaky_step|"
    r"leaky_half_life|forget_bias_retention|success_rate|"
    r"lstm_\w+|gru_\w+|init_lstm\w*|"
    r"stacked_forward|reverse_padded|bidirectional_forward|last_states|shift_targets|"
    r"masked_cross_entropy|Seq2Seq|tree_rnn|greedy|"
    r"encode_captions|grid_features|captioner_forward|caption_loss|greedy_caption|beam_search|bleu|"
    r"train_captioner|additive_scores|attend|attention_captioner_forward|"
    r"doubly_stochastic_penalty|hard_attention_loss|attention_map|pointing_accuracy|"
    r"train_attention_captioner"
)
_LABEL = re.compile(r"^(?::label: |\((?=[\w-]+\)=$))([\w-]+)|^ +name: (fig-[\w-]+)$", re.M)
_BOX = re.compile(r"^````\{spot-the-error\}.*?^````$", re.M | re.S)
_CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.M | re.S)


def source(name: str) -> str:
    """The text of a chapter, for example of "03-bptt"."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def cells(name: str) -> list[str]:
    """The code of a chapter's cells, in their order."""
    notebook = jupytext.read(FOLDER / f"{name}.md", fmt="md:myst")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@dataclass
class Run:
    """What the cells of a page left behind."""

    variables: dict[str, Any]
    out: str = ""
    """All that was printed."""
    shown: list[dict[str, str]] = field(default_factory=list)
    """All that was displayed, by MIME type."""
    sliders: list[dict[str, Any]] = field(default_factory=list)
    """What each interactive figure was made of: the keyword arguments of `interactive.show`."""
    compared: dict[str, float] = field(default_factory=dict)
    refuted: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def run(name: str) -> Iterator[Run]:
    """Execute a chapter's cells in one namespace; settings and registries are restored later."""
    page, printed = Run({"__name__": name}), io.StringIO()
    settings = torch.get_default_dtype(), torch.get_num_threads(), np.get_printoptions()
    registries = gradcheck.compared, gradcheck.refuted
    saved = [dict(registry) for registry in registries]
    for registry in registries:
        registry.clear()
    matplotlib.use("Agg")
    with pytest.MonkeyPatch.context() as patch, plt.rc_context():
        for module in (plot, interactive, IPython.display):
            patch.setattr(module, "display", lambda bundle, raw: page.shown.append(bundle))
        show = interactive.show
        patch.setattr(
            interactive,
            "show",
            lambda name, **parts: (page.sliders.append(parts), show(name, **parts))[1],
        )
        try:
            with contextlib.redirect_stdout(printed):
                for k, cell in enumerate(cells(name)):
                    exec(compile(cell, f"{name}.md, cell {k}", "exec"), page.variables)
            page.out = printed.getvalue()
            page.compared, page.refuted = (dict(registry) for registry in registries)
            yield page
        finally:
            torch.set_default_dtype(settings[0])
            torch.set_num_threads(settings[1])
            np.set_printoptions(**settings[2])
            plt.close("all")
            for registry, old in zip(registries, saved):
                registry.clear()
                registry.update(old)


class EveryChapter:
    """What each chapter must have; the expectations stand in the module that inherits this."""

    # --- the text ---

    def test_derivatives_are_labelled_once_and_have_a_check(self, request: pytest.FixtureRequest):
        text = source(request.module.CHAPTER)
        labels = gradcheck.labels(text)
        assert len(labels) == len(set(labels)) == request.module.DERIVATIVES
        assert gradcheck.unchecked(text) == []

    def test_labels_occur_in_no_other_chapter(self, request: pytest.FixtureRequest):
        name = request.module.CHAPTER
        mine = {one for pair in _LABEL.findall(source(name)) for one in pair if one}
        assert len(mine) > 10
        for other in FOLDER.glob("*.md"):
            if other.stem != name:
                theirs = {one for pair in _LABEL.findall(source(other.stem)) for one in pair if one}
                assert mine.isdisjoint(theirs), other.name

    def test_every_spotted_error_is_followed_by_a_cell_that_refutes_it(
        self, request: pytest.FixtureRequest
    ):
        text = source(request.module.CHAPTER)
        boxes = list(_BOX.finditer(text))
        assert len(boxes) == request.module.BOXES
        for box in boxes:
            cell = _CELL.search(text, box.end())
            assert re.search(r"gradcheck\.fails\(|^ *assert ", cell[1], re.M), box[0][:60]
            assert not re.search(r"^#+ ", text[box.end() : cell.start()], re.M), box[0][:60]
            assert "```{dropdown} The right statement" in box[0]

    def test_exercises_have_answers(self, request: pytest.FixtureRequest):
        text = source(request.module.CHAPTER)
        exercises = re.findall(r"^```\{exercise\}.*\n:label: (\S+)", text, re.M)
        answers = re.findall(r"^`{3,5}\{solution(?:-start)?\} (\S+)\n:class: dropdown", text, re.M)
        assert exercises == answers
        assert 4 <= len(exercises) <= 8

    def test_questions_have_feedback_for_each_answer(self, request: pytest.FixtureRequest):
        quizzes = re.findall(r"^```\{quiz\}.*?^```$", source(request.module.CHAPTER), re.M | re.S)
        assert 3 <= len(quizzes) <= 6
        for quiz in quizzes:
            question, *answers = re.split(r"^- \[[ x]\] ", quiz, flags=re.M)
            assert "`" not in question.removeprefix("```"), "it would end the fence"
            assert len(answers) >= 2
            assert all(re.search(r"\n\n  \S", answer) for answer in answers), question

    def test_the_chapter_has_its_parts(self, request: pytest.FixtureRequest):
        text = source(request.module.CHAPTER)
        headings = re.findall(r"^## (.*)$", text, re.M)
        parts = ["Check yourself", "Exercises", "Summary", "Further reading", "The assignment"]
        assert headings[-5:] == parts

    def test_the_assignment_finds_its_anchors(self, request: pytest.FixtureRequest):
        text = source(request.module.CHAPTER)
        for anchor in request.module.LINKED_BY_THE_ASSIGNMENT:
            assert re.search(rf"^\({anchor}\)=\n#+ ", text, re.M), anchor

    def test_no_cell_defines_what_an_assignment_asks_for(self, request: pytest.FixtureRequest):
        code = "\n".join(cells(request.module.CHAPTER))
        assert re.findall(rf"^\s*(?:def|class) ({ASSIGNED})\b", code, re.M) == []

    # --- with the cells run ---

    @pytest.mark.slow
    def test_every_labelled_derivative_is_compared(self, page: Run, request: pytest.FixtureRequest):
        assert set(gradcheck.labels(source(request.module.CHAPTER))) <= set(page.compared)

    @pytest.mark.slow
    def test_every_figure_says_what_is_seen(self, page: Run):
        assert page.shown
        for bundle in page.shown:
            assert "aria-label=" in bundle["text/html"]
            assert len(bundle["text/plain"]) > 60


class EveryListedChapter(EveryChapter):
    """For modules that list in ``REFUTED`` every wrong equation that their cells refute."""

    @pytest.mark.slow
    def test_nothing_else_is_compared(self, page: Run, request: pytest.FixtureRequest):
        assert set(gradcheck.labels(source(request.module.CHAPTER))) == set(page.compared)

    @pytest.mark.slow
    def test_wrong_equations_are_run_and_fail(self, page: Run, request: pytest.FixtureRequest):
        assert set(page.refuted) == request.module.REFUTED
