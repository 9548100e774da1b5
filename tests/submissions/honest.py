"""Honest submissions: what the class hands in, right, half done or clumsy."""

from autograder import source

from .case import ASSIGNMENT, LOSS, WITHOUT_LOSS, Handin, case


@case()
def honest_numpy(s: Handin) -> None:
    """Honest, correct. Must get everything."""
    s.right()


@case()
def honest_torch(s: Handin) -> None:
    """Honest, correct, written with torch and converted to numpy at the end. Must get all."""
    s.right()
    s.own(source.load_variants(ASSIGNMENT)["torch_autograd"])


@case(0)
def honest_empty(s: Handin) -> None:
    """The release notebook handed in unchanged. Must get 0."""


@case(0)
def honest_stubs(s: Handin) -> None:
    """The wrong stubs which the attacks build on, without an attack. Must get 0."""
    s.wrong()


@case(20)
def honest_partial(s: Handin) -> None:
    """The first four exercises right, the others untouched. Must get their 20 points."""
    s.right("rnn_step_forward", "rnn_step_backward", "rnn_forward", "rnn_backward")


@case(WITHOUT_LOSS, says="SyntaxError")
def honest_syntax_error_in_one(s: Handin) -> None:
    """Syntax error in one answer, the others right. Must lose that exercise only."""
    s.right()
    s.cell(LOSS)["source"] = f"def {LOSS}(x, y, mask)\n    return 0.0, x"


@case()
def honest_warnings(s: Handin) -> None:
    """Correct, but the answers emit warnings (deprecation, overflow). stderr is no failure."""
    s.right()
    code = """
        import warnings
        warnings.warn("this is old", DeprecationWarning)
        np.exp(np.float64(1000.0))
        """
    for name in ("rnn_step_forward", LOSS):
        s.inside(name, code)


@case()
def honest_input_cell(s: Handin) -> None:
    """Correct, with a leftover cell that calls input(). Must get all, at once."""
    s.right()
    s.own("answer = input('continue? ')", where="setup")


@case()
def honest_long_training_cell(s: Handin) -> None:
    """Correct, with an own cell that trains longer than the time of a cell. Must get all."""
    s.right()
    s.own("import time\nfor _ in range(600):\n    time.sleep(0.1)", where=LOSS)


@case()
def honest_thread_hog(s: Handin) -> None:
    """Correct, but sets torch to 64 threads and lets a thread multiply for ever. Must get all."""
    s.right()
    s.own(
        """
        import threading
        import torch

        torch.set_num_threads(64)
        big = torch.ones(300, 300)

        def multiply():
            while True:
                big @ big

        threading.Thread(target=multiply, daemon=True).start()
        """,
        where="setup",
    )
