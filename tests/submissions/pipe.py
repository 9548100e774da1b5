"""The pipe between the student's process and the judge: everything that can be written into it.

The attack sits in one exercise and the others are right, so each case also shows that a broken pipe
costs that exercise and no other.
"""

from .case import FULL, LOSS, POINTS, WITHOUT_LOSS, Handin, case

SIDE = """
import json
import struct
import sys


def find_side():
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Side":
        frame = frame.f_back
    return frame.f_locals["self"]


def say(document, blob=b"", header=None):
    side = find_side()
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    side.sock.sendall((header or struct.pack("!II", len(text), len(blob))) + text + blob)


def answer(value, blob=b"", **more):
    say({"id": find_side().request, "value": value, "changed": [], **more}, blob)


def pair(loss, dx):
    return {"$": "tuple", "v": [loss, dx]}


def array(code, shape, start=0, kind="C"):
    return {"$": "array", "v": [code, shape, start, kind]}
"""


def in_the_loss(s: Handin, code: str) -> None:
    """All right but the loss, whose function runs ``code`` with the tools above."""
    s.right()
    s.own(SIDE, where="setup")
    s.inside(LOSS, code, solve=False)


@case(WITHOUT_LOSS, stock=False, says="pipe")
def pipe_garbage(s: Handin) -> None:
    """Random bytes in the pipe."""
    in_the_loss(s, "find_side().sock.sendall(np.random.bytes(5000))")


@case(WITHOUT_LOSS, stock=False, says="pipe")
def pipe_huge_lengths(s: Handin) -> None:
    """A header that announces 4 GB of text and 4 GB of arrays."""
    in_the_loss(s, "say(b'{}', header=b'\\xff' * 8)")


@case(WITHOUT_LOSS, stock=False, seconds=40)
def pipe_endless_data(s: Handin) -> None:
    """Valid messages without end, in answer to nothing."""
    in_the_loss(s, "while True:\n    say({'id': 1, 'value': None}, b'x' * 1000)")


@case(WITHOUT_LOSS, stock=False, seconds=40)
def pipe_endless_message(s: Handin) -> None:
    """A message of the largest size, one byte at a time."""
    in_the_loss(
        s,
        """
        import time
        say(b"", header=struct.pack("!II", 10, 60 * 2**20))
        while True:
            find_side().sock.sendall(b" ")
            time.sleep(0.01)
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_deep_nesting(s: Handin) -> None:
    """JSON nested a million times, as a document and as a value."""
    in_the_loss(s, "say(b'[' * 1_000_000 + b']' * 1_000_000)")


@case(WITHOUT_LOSS, stock=False)
def pipe_nested_value(s: Handin) -> None:
    """A value nested below what json refuses and above what the protocol allows."""
    in_the_loss(
        s,
        """
        value = 1.0
        for _ in range(200):
            value = {"$": "list", "v": [value]}
        answer(value)
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_nan(s: Handin) -> None:
    """NaN, infinities and numbers of thousands of digits, as JSON."""
    in_the_loss(
        s,
        """
        number = find_side().request
        say(b'{"id": %d, "value": {"$": "tuple", "v": [NaN, -Infinity]}}' % number)
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_long_integer(s: Handin) -> None:
    """An integer of a million digits, which Python refuses to read."""
    in_the_loss(s, "say(b'{\"id\": 1, \"value\": ' + b'9' * 1_000_000 + b'}')")


@case(WITHOUT_LOSS, stock=False)
def pipe_big_integer(s: Handin) -> None:
    """Integers that fit no array: 10**4000 as a loss."""
    in_the_loss(s, "answer(pair(10**4000, -(10**30)))\nreturn 10**4000, 10**30")


@case(WITHOUT_LOSS, stock=False)
def pipe_object_array(s: Handin) -> None:
    """Arrays of objects, strings, dates, structures and of types that numpy does not have."""
    in_the_loss(
        s,
        """
        codes = ["|O", "O", "<U5", "<M8[s]", "V8", [["a", "<f8"]], {"names": []}, None, 1.5]
        dx = [array(c, [2]) for c in codes]
        answer({"$": "list", "v": dx}, b"\\0" * 64)
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def object_arrays(s: Handin) -> None:
    """The same without forging: the function returns arrays of objects, strings and dates."""
    in_the_loss(s, "return np.array([None, 'x'], dtype=object), np.array(['2001'], 'M8[s]')")


@case(WITHOUT_LOSS, stock=False)
def pipe_wrong_dtypes(s: Handin) -> None:
    """Complex, structured, boolean and unsigned arrays where floats are expected."""
    in_the_loss(
        s,
        "return np.uint8(3), (np.ones(args[0].shape) > 0)",
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_negative_sizes(s: Handin) -> None:
    """Negative sizes, starts before the beginning, floats, booleans and text for sizes."""
    in_the_loss(
        s,
        """
        shapes = ([-1], [-1, -1], [2**63], [2**64 + 2], [1.0], [True], ["2"], [None], "2", 2)
        bad = [array("<f8", shape) for shape in shapes]
        bad += [array("<f8", [1], start) for start in (-8, 2**70, 0.5, "0", None)]
        answer(pair(*bad[:2]), b"\\0" * 64)
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_strided_without_axes(s: Handin) -> None:
    """An array without axes that claims to have a stride, and empty ones with vast axes."""
    in_the_loss(
        s,
        """
        vast = array("<f8", [2**26] * 7 + [0], 0, "strided")
        answer(pair(array("<f8", [], 0, "strided"), vast), b"\\0" * 8)
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_one_blob_many_arrays(s: Handin) -> None:
    """A hundred thousand arrays of 16 MB each which all lie at the same place of the message."""
    in_the_loss(
        s,
        """
        one = array("|u1", [2**24], 0, "strided")
        answer({"$": "list", "v": [one] * 100_000}, bytes(2**24))
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_many_small_values(s: Handin) -> None:
    """Two million empty lists in one message."""
    in_the_loss(s, "say(b'[' + b'[],' * 2_000_000 + b'[]]')")


@case(WITHOUT_LOSS, stock=False)
def pipe_handles_of_others(s: Handin) -> None:
    """Handles, foreign objects and functions that were never handed out, of any number."""
    in_the_loss(
        s,
        """
        for tag in ("handle", "foreign", "function"):
            for number in (0, 1, 10**9, -1, 2**70):
                bad = {"$": tag, "v": number}
        answer(pair(bad, {"$": "foreign", "v": 0}))
        """,
    )


@case(WITHOUT_LOSS, stock=False, says="pipe")
def pipe_answer_in_advance(s: Handin) -> None:
    """Answers each question twice, so that the second answer stands for the next question."""
    in_the_loss(s, "answer(pair(0.0, array('<f8', list(args[0].shape))), args[0].tobytes())")


@case(WITHOUT_LOSS, stock=False, says="pipe")
def pipe_answer_to_the_next(s: Handin) -> None:
    """Answers with the numbers of the questions to come, guessed from the one that was seen."""
    in_the_loss(
        s,
        """
        number = find_side().request
        for step in range(-3, 100):
            say({"id": number + step, "value": pair(0.5, 0.5)})
        """,
    )


@case(WITHOUT_LOSS, stock=False, says="pipe")
def pipe_answer_without_number(s: Handin) -> None:
    """Answers without a number, with a list, an object, text or NaN for one."""
    in_the_loss(s, "for n in ([], {}, 'x', None, 1.5):\n    say({'id': n, 'value': 0.5})")


@case(WITHOUT_LOSS, stock=False)
def pipe_verdicts(s: Handin) -> None:
    """Messages in which the student's side says what the marks are."""
    in_the_loss(
        s,
        """
        answer(
            pair(0.0, 0.0), outcome="pass", points=34, score=34, verdict="pass", share=1,
            failure=["pass", "Everything is right."],
        )
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_odd_failures(s: Handin) -> None:
    """Failures of an odd form: outcomes that do not exist, text with escapes and megabytes."""
    in_the_loss(
        s,
        """
        text = "\\x1b[2J\\u202e\\ud800<script>alert(1)</script>" + "x" * 5_000_000
        say({"id": find_side().request, "failure": ["pass", text]})
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_odd_changes(s: Handin) -> None:
    """Names of changed arguments with terminal escapes, direction overrides, surrogates, markup."""
    s.right()
    s.own(SIDE, where="setup")
    s.inside(
        LOSS,
        """
        side = find_side()
        odd = "\\x1b[2J\\u202e\\ud800<script>alert(1)</script>\\n| x |"
        dx = array("<f8", list(args[0].shape))
        blob = np.zeros(args[0].shape).tobytes()
        text = json.dumps({"id": side.request, "value": pair(0.5, dx), "changed": [odd] * 500})
        side.sock.sendall(struct.pack("!II", len(text), len(blob)) + text.encode() + blob)
        side.sock.close()
        """,
        solve=False,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_callback_to_nothing(s: Handin) -> None:
    """Asks for functions of the judge that were not handed in: numbers, negative ones, text."""
    in_the_loss(
        s,
        """
        for index in (0, -1, 10**9, "0", None, 0.0, True):
            say({"id": find_side().request, "callback": index, "args": {"$": "tuple", "v": []}})
        """,
    )


@case(FULL - POINTS["numerical_gradient"], stock=False, seconds=40)
def pipe_callbacks_without_end(s: Handin) -> None:
    """Calls the function it was given for ever."""
    s.right()
    s.inside("numerical_gradient", "while True:\n    args[0](args[1])", solve=False)


@case(FULL - POINTS["numerical_gradient"], stock=False)
def pipe_callback_arguments(s: Handin) -> None:
    """Calls the function it was given with huge, nested, textual and foreign arguments."""
    s.right()
    s.own(SIDE, where="setup")
    s.inside(
        "numerical_gradient",
        """
        import contextlib
        deep = []
        for _ in range(15):
            deep = [deep]
        for value in (
            np.ones((1000, 1000)), "text", deep, {}, None, [[1, 2], [3]], np.nan, 10**300,
            np.zeros((0, 5)), np.ones((1,) * 8), {"x": 1}, np.array("a"), print, [10**400],
        ):
            with contextlib.suppress(ValueError):
                args[0](value)
        """,
        solve=False,
    )


@case(FULL - POINTS["numerical_gradient"], stock=False)
def pipe_callback_after_the_end(s: Handin) -> None:
    """Keeps the function it was given and calls it from other exercises and from a thread."""
    s.right()
    s.own("kept = []", where="setup")
    s.inside("numerical_gradient", "kept.append(args[0])\nkept[0](args[1])", solve=False)
    s.inside("rnn_step_forward", "for f in kept:\n    f(args[0])")


@case((0, FULL), stock=False, says="pipe", seconds=40)
def pipe_thread_that_writes(s: Handin) -> None:
    """A thread writes into descriptor 3 from the first cell on, whatever is asked.

    Right answers; what the pipe then loses is the student's own doing.
    """
    s.right()
    s.own(
        """
        import os, threading, time

        def write():
            while True:
                os.write(3, b"\\0\\0\\0\\2\\0\\0\\0\\0{}")
                time.sleep(0.001)

        threading.Thread(target=write, daemon=True).start()
        """,
        where="setup",
    )


@case(0, stock=False)
def pipe_thread_that_answers(s: Handin) -> None:
    """Wrong answers, and a thread that reads the questions and answers them at random."""
    s.wrong()
    s.own(
        SIDE
        + """
import threading
import time
side = find_side()


def answer_all():
    for _ in range(3000):
        text = json.dumps({"id": side.request, "value": 0.0, "changed": []}).encode()
        side.sock.sendall(struct.pack("!II", len(text), 0) + text)
        time.sleep(0.005)


threading.Thread(target=answer_all, daemon=True).start()
""",
        where="setup",
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_closed(s: Handin) -> None:
    """Closes the pipe and goes on living."""
    in_the_loss(s, "import os, time\nos.close(3)\ntime.sleep(5)")


@case(WITHOUT_LOSS, stock=False, seconds=40)
def pipe_never_read(s: Handin) -> None:
    """Never answers and never reads again: sleeps in the first call."""
    in_the_loss(s, "import signal\nsignal.pause()")


@case(WITHOUT_LOSS, stock=False)
def pipe_forked(s: Handin) -> None:
    """Forks inside a call; both processes answer."""
    in_the_loss(s, "import os\nos.fork()")


@case(WITHOUT_LOSS, stock=False)
def pipe_huge_result(s: Handin) -> None:
    """Returns 500 MB of right shape repeated, and lists of a million numbers."""
    in_the_loss(s, "return [0.0] * 1_000_000, np.zeros(2**26)")


@case(0, stock=False, seconds=90)
def pipe_run_answers(s: Handin) -> None:
    """Answers to cells: outputs that are no outputs, huge, nested, of wrong types. Wrong work."""
    s.wrong()
    s.own(
        """
        from autograder.sandbox import shell

        def run_cell(*_):
            return {
                "ended": ["done"],
                "seconds": "x",
                "outputs": [
                    None, 5, [], {}, {"output_type": []}, {"output_type": "stream", "text": 5},
                    {"output_type": "stream", "name": {}, "text": "\\ud800\\x1b[31m" * 100000},
                    {"output_type": "error", "traceback": [None, {}] * 1000, "evalue": []},
                    {"output_type": "display_data", "data": {"text/html": "<script>1</script>",
                     "image/png": "<svg onload=alert(1)>", "text/plain": ["x"]}},
                    {"output_type": "execute_result", "data": {"text/plain": "34"}},
                ] * 100,
            }

        shell.run_cell = run_cell
        """,
        where="start",
    )
