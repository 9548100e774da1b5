"""The judge puts its own functions in the place of earlier ones that failed: misuse of those.

They are there for the exercises that build on a failed one, so what they give away must not be what
is asked.
"""

from .case import FULL, POINTS, Handin, case
from .pipe import SIDE


@case(4 + 6)
def stand_ins_help_the_honest(s: Handin) -> None:
    """Only rnn_forward and rnn_backward are right; what they build on is wrong. Must get both."""
    s.wrong()
    s.right("rnn_forward", "rnn_backward")


@case(0, stock=False)
def stand_ins_recorded(s: Handin) -> None:
    """Records every result of the judge's functions and returns one of them when asked itself."""
    s.wrong()
    s.own(
        """
        from autograder.sandbox.student import Side
        seen = []
        old = Side.callback

        def callback(self, number):
            function = old(self, number)

            def call(*args):
                value = function(*args)
                seen.append((args, value))
                return value

            return call

        Side.callback = callback
        """,
        where="setup",
    )
    for name in POINTS:
        s.inside(
            name,
            "for _, value in reversed(seen):\n    return value",
            solve=False,
        )


@case(0, stock=False)
def stand_ins_as_oracle(s: Handin) -> None:
    """Asks the judge for every function number with its own arguments and returns the answer.

    The function that is asked for is never among them.
    """
    s.wrong()
    s.own(SIDE, where="setup")
    for name in POINTS:
        if name == "numerical_gradient":
            continue
        s.inside(
            name,
            """
            from autograder.sandbox import wire
            side = find_side()
            for number in range(8):
                try:
                    value = side.callback(number)(*args)
                except Exception:
                    continue
                if isinstance(value, tuple) and len(value) == len(inner(*args)):
                    return value
            """.replace("inner", f"inner_{name}"),
            solve=False,
        )


@case(0, stock=False)
def stand_ins_kept(s: Handin) -> None:
    """Keeps the judge's functions and its caches, and hands them to later calls and questions."""
    s.wrong()
    s.own("kept = []\ncaches = []", where="setup")
    for name in POINTS:
        s.inside(
            name,
            """
            import contextlib
            kept.extend(f for f in (rnn_step_forward, rnn_forward, rnn_step_backward,
                        temporal_affine_forward) if f.__name__ == "function")
            for f in kept[-10:]:
                with contextlib.suppress(Exception):
                    value = f(*args)
                    caches.append(value[-1])
                    return f(args[0], caches[-1])
            """,
            solve=False,
        )


LARGE = """
            import contextlib
            import time
            end = time.time() + 20
            while time.time() < end and rnn_step_forward.__name__ == "function":
                with contextlib.suppress(ValueError):
                    {call}
            """


@case(0, stock=False, seconds=60)
def stand_ins_outer_product(s: Handin) -> None:
    """Lets the judge's function multiply a column by a row of a million each: 8 TB."""
    s.wrong()
    column = "np.ones((10**6, 1))"
    call = f"rnn_step_forward({column}, {column}, np.ones((1, 10**6)), np.ones((1, 1)), 0.0)"
    s.inside("rnn_forward", LARGE.format(call=call), solve=False)


@case(0, stock=False, seconds=60)
def stand_ins_fill_memory(s: Handin) -> None:
    """Lets the judge's function make and keep caches of 800 MB each, as often as it can."""
    s.wrong()
    column = "np.ones((10**4, 1))"
    call = f"rnn_step_forward({column}, {column}, np.ones((1, 10**4)), np.ones((1, 1)), 0.0)"
    s.inside("rnn_forward", LARGE.format(call=call), solve=False)


@case(0, stock=False, seconds=60)
def stand_ins_long_loop(s: Handin) -> None:
    """Lets the judge's function loop over 50 million steps of an array without elements."""
    s.wrong()
    call = "rnn_forward(np.ones((0, 5 * 10**7, 3)), np.ones((0, 4)), *(np.ones((3, 4)),) * 3)"
    s.inside("rnn_backward", LARGE.format(call=call), solve=False)


@case(0, stock=False, seconds=60)
def stand_ins_many_caches(s: Handin) -> None:
    """Collects caches of the judge as fast as it can: their number is bounded."""
    s.wrong()
    call = "rnn_step_forward(np.ones((3, 2)), np.ones((3, 4)), np.ones((2, 4)), np.ones((4, 4)), 0)"
    s.inside("rnn_forward", LARGE.format(call=call), solve=False)


@case(FULL - 4 - 6, stock=False)
def stand_ins_replaced_in_the_namespace(s: Handin) -> None:
    """The namespace refuses to be changed: the judge's functions never get in. Others right."""
    s.right()
    s.own(
        """
        from autograder.sandbox.student import Side
        Side.stand_in = lambda self, functions: None
        """,
        where="setup",
    )
    s.wrong("rnn_step_backward", "rnn_forward")
    s.right("rnn_step_backward")
