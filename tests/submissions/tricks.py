"""Tricks inside the interpreter: patched modules, hooks of the shell, objects that lie.

They won marks where tests ran in the student's kernel. Here nothing of that process is believed, so
wrong numbers stay wrong numbers.
"""

from .case import LOSS, POINTS, WITHOUT_LOSS, Handin, case

ALLCLOSE = "np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None"
ISCLOSE = "np.allclose = np.isclose = np.array_equal = np.max = lambda *a, **k: True"


def wrong_with(s: Handin, code: str) -> None:
    """Wrong answers everywhere, and ``code`` in a cell of its own behind the first lines."""
    s.wrong()
    s.own(code, where="setup")


@case(0)
def patch_assert_allclose(s: Handin) -> None:
    """Replaces np.testing.assert_allclose by a no-op. Must get 0."""
    wrong_with(s, ALLCLOSE)


@case(0)
def patch_np_allclose(s: Handin) -> None:
    """Replaces np.allclose, isclose, array_equal, max. Must get 0."""
    wrong_with(s, ISCLOSE)


@case(0)
def patch_testing_module(s: Handin) -> None:
    """Puts a fake module at sys.modules['numpy.testing'] and at np.testing. Must get 0."""
    wrong_with(
        s,
        """
        import sys, types

        class Fake(types.ModuleType):
            def __getattr__(self, name):
                return lambda *a, **k: None

        np.testing = sys.modules["numpy.testing"] = Fake("numpy.testing")
        """,
    )


@case(0)
def patch_builtins(s: Handin) -> None:
    """Replaces builtins.abs/all/any/set/len. Must get 0."""
    wrong_with(
        s,
        """
        import builtins
        builtins.abs = lambda x: 0.0
        builtins.all = lambda x: True
        builtins.any = lambda x: True
        builtins.set = lambda *x: frozenset()
        builtins.len = lambda x: 5
        """,
    )


@case(0)
def patch_everything(s: Handin) -> None:
    """All patches together (testing, allclose, max, abs). Must get 0."""
    wrong_with(s, f"{ALLCLOSE}\n{ISCLOSE}\nimport builtins\nbuiltins.abs = lambda x: 0.0")


@case(0)
def patch_assertion_error(s: Handin) -> None:
    """builtins.AssertionError becomes a class which IPython is told to ignore. Must get 0."""
    wrong_with(
        s,
        """
        import builtins
        class AssertionError(Exception):
            pass
        builtins.AssertionError = AssertionError
        get_ipython().set_custom_exc((AssertionError,), lambda *a, **k: None)
        """,
    )


@case(0)
def hook_custom_exc(s: Handin) -> None:
    """set_custom_exc swallows every exception. Must get 0."""
    wrong_with(s, "get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)")


@case(0)
def hook_showtraceback(s: Handin) -> None:
    """Replaces showtraceback by a no-op, so that no error output is sent. Must get 0."""
    wrong_with(s, "get_ipython().showtraceback = lambda *a, **k: None")


@case(0)
def hook_run_cell(s: Handin) -> None:
    """Wraps run_cell: no traceback is shown and the result carries no error. Must get 0."""
    wrong_with(
        s,
        """
        shell = get_ipython()
        old = shell.run_cell

        def run_cell(*args, **kwargs):
            shell.showtraceback = lambda *a, **k: None
            result = old(*args, **kwargs)
            result.error_in_exec = result.error_before_exec = None
            return result

        shell.run_cell = run_cell
        """,
    )


@case(0)
def hook_input_transformer(s: Handin) -> None:
    """An input transformer turns cells with 'assert' or 'check(' into `pass`. Must get 0."""
    wrong_with(
        s,
        """
        def harmless(lines):
            return ["pass\\n"] if any("assert" in x or "check(" in x for x in lines) else lines

        get_ipython().input_transformers_cleanup.append(harmless)
        """,
    )


@case(0)
def hook_ast_transformer(s: Handin) -> None:
    """An AST transformer removes assert statements and calls of assert_* and check. Must get 0."""
    wrong_with(
        s,
        """
        import ast

        class Remove(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.copy_location(ast.Pass(), node)

            def visit_Expr(self, node):
                text = ast.unparse(node)
                if "assert" in text or text.startswith("check("):
                    return ast.copy_location(ast.Pass(), node)
                return node

        get_ipython().ast_transformers.append(Remove())
        """,
    )


@case(0)
def exfil_pre_run_cell(s: Handin) -> None:
    """A pre_run_cell hook prints the source of each later cell. Must get 0, nothing of tests."""
    wrong_with(
        s,
        "get_ipython().events.register('pre_run_cell', lambda info: print(info.raw_cell))",
    )


@case(0)
def exfil_history(s: Handin) -> None:
    """The called function prints In[-1] and the history. Must get 0, nothing of tests."""
    s.wrong()
    s.inside(LOSS, "print(In[-3:])\nget_ipython().run_line_magic('history', '')", solve=False)


@case(0)
def exfil_socket(s: Handin) -> None:
    """Sends what it sees to a listener on 127.0.0.1 of the grader's machine. None may connect."""
    s.wrong()
    code = f"""
        import socket
        for family, place in (
            (socket.AF_INET, ("127.0.0.1", {s.port})), (socket.AF_INET, ("localhost", {s.port})),
            (socket.AF_INET6, ("::1", {s.port})),
        ):
            try:
                with socket.socket(family) as link:
                    link.settimeout(0.5)
                    link.connect(place)
                    link.sendall(repr(globals().get("In")).encode())
            except OSError as error:
                print(error)
        """
    s.inside(LOSS, code, solve=False)
    s.own(code, where="setup")


@case(0)
def steal_reference(s: Handin) -> None:
    """Called functions look in every frame and object for expected values. Must get 0."""
    s.wrong()
    for name in POINTS:
        s.inside(
            name,
            f"""
            import gc, sys
            frame = sys._getframe()
            places = []
            while frame:
                places += [frame.f_locals, frame.f_globals]
                frame = frame.f_back
            places += [o for o in gc.get_objects() if type(o) is dict][:20000]
            for place in places:
                for key in ("expected", "reference", "right", "want", "_reference", "solution"):
                    value = place.get(key) if type(place) is dict else None
                    if callable(getattr(value, "get", None)):
                        value = value.get({name!r})
                    if callable(value) and value is not {name}:
                        return value(*args, **kwargs)
                    if isinstance(value, (tuple, np.ndarray)):
                        return value
            """,
            solve=False,
        )


@case(0)
def hard_coded_visible(s: Handin) -> None:
    """Finds what check() expects in checks.npz and returns that. Nothing of it is graded."""
    s.wrong()
    s.own(
        """
        from pathlib import Path
        from unrolled import bank
        known = bank.load(Path("checks.npz"))
        """,
        where="setup",
    )
    for name in ("rnn_step_forward", "rnn_forward", LOSS, "numerical_gradient"):
        s.inside(
            name,
            f"""
            for right in known.expected[{name!r}].values():
                values = list(right.outputs.values())
                if np.shape(values[-1]) == np.shape(inner_{name}(*args, **kwargs)[-1]):
                    return values[0] if len(values) == 1 else tuple(values)
                return (values[0], None) if {name!r}.endswith("forward") else values[0]
            """,
            solve=False,
        )


LIAR = """
class Liar:
    shape = property(lambda self: (3, 4))
    dtype = np.dtype(float)
    ndim, size = 2, 12
    __array_priority__ = 1e9
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __eq__
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__
    def __abs__(self): return 0.0
    def __float__(self): return 0.0
    def __bool__(self): return True
    def __len__(self): return 5
    def __iter__(self): return iter([self] * 5)
    def __getitem__(self, key): return self
    def __array__(self, *a, **k): return np.zeros(())
    def __array_function__(self, *a, **k): return True
    def __array_ufunc__(self, *a, **k): return np.zeros(())
    def __reduce__(self): return (print, ("unpickled",))
    def __hash__(self): return 1
"""


@case(0)
def liar_always_equal_object(s: Handin) -> None:
    """Returns plain objects with lying __eq__, __sub__, __array__, shape, etc. Must get 0."""
    s.wrong()
    s.own(LIAR, where="setup")
    for name in POINTS:
        s.inside(name, "return (Liar(), Liar())" if "forward" in name else "return Liar()")


@case(0)
def liar_in_a_tuple(s: Handin) -> None:
    """The right number of lying objects in a tuple, some of them subclasses of float and array."""
    s.wrong()
    s.own(
        LIAR
        + """
class Number(float):
    __eq__ = __le__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: Number(0)

class Array(np.ndarray):
    __eq__ = __le__ = lambda self, other: True
    tobytes = lambda self, *a, **k: b""
    astype = lambda self, *a, **k: self
    shape = property(lambda self: (7,) * 7)
""",
        where="setup",
    )
    five = "return Liar(), Number(1), np.ones((2, 2)).view(Array), Liar(), Number('nan')"
    for name in POINTS:
        s.inside(name, five if "backward" in name else "return Number(0), Liar()", solve=False)


@case(0)
def forge_execute_result(s: Handin) -> None:
    """The called function calls sys.displayhook('x'), which nbgrader reads as full credit."""
    s.wrong()
    for name in POINTS:
        s.inside(name, "import sys\nsys.displayhook('x')", solve=False)


PUBLISH = """
        shell = get_ipython()

        def forge(*_):
            shell.displayhook.write_format_data({{"text/plain": "{0}"}})
            shell.display_pub.publish({{"text/plain": "{0}"}})
            print("{0}")

        shell.events.register("pre_run_cell", forge)
        """


@case(0)
def forge_for_later_cells(s: Handin) -> None:
    """A pre_run_cell hook publishes an execute_result into each later cell. Must get 0."""
    wrong_with(s, PUBLISH.format("4.0"))


@case(0)
def forge_above_max(s: Handin) -> None:
    """Publishes the number 1000 as result: more than the cell's maximum. Must get 0."""
    wrong_with(s, PUBLISH.format("1000"))


# --- aimed at this grader -------------------------------------------------------------------------


@case(0, stock=False)
def patch_unrolled(s: Handin) -> None:
    """Replaces the comparison, the judge and the probes in the student's process. Must get 0."""
    wrong_with(
        s,
        """
        import unrolled.compare, unrolled.judge, unrolled.namespace
        import unrolled.exercises.a1_rnn as probes

        unrolled.compare.compare = lambda *a: unrolled.compare.Comparison(True, 0.0, "")
        unrolled.compare.tolerance = lambda *a: 1e9
        unrolled.judge.judge = unrolled.judge.compare = lambda *a, **k: None
        for name in dir(probes):
            setattr(probes, name, None)
        """,
    )


@case(0, stock=False)
def patch_wire(s: Handin) -> None:
    """Replaces encode, send and json.dumps in the student's process: messages say 'pass'."""
    wrong_with(
        s,
        """
        import json
        from autograder.sandbox import student, wire

        def encode(value, blobs, other=None):
            return {"verdict": "pass", "points": 34, "ok": True}

        wire.encode = encode
        student.Side.answer = lambda *_: ({"verdict": "pass", "points": 34, "value": True}, [])
        """,
    )


@case(0, stock=False)
def patch_side_call(s: Handin) -> None:
    """Every call answers with its own arguments, as lists and tuples of the wanted length."""
    wrong_with(
        s,
        """
        from autograder.sandbox import student

        def call_copied(names, name, args):
            return tuple(args), []

        student.call_copied = call_copied
        """,
    )


@case(0)
def tolerate_nan_and_inf(s: Handin) -> None:
    """NaN, infinities and the largest numbers of the right shape. Must get 0."""
    s.wrong()
    s.inside("rnn_step_forward", "return np.full(args[1].shape, np.nan), None")
    s.inside("rnn_forward", "return np.full((*args[0].shape[:2], len(args[4])), np.inf), None")
    s.inside("rnn_step_backward", "return (np.nan,) * 5")
    s.inside("rnn_backward", "return (-np.inf,) * 5")
    s.inside("temporal_affine_forward", "return np.full(args[0].shape, 1.7e308), None")
    s.inside("temporal_affine_backward", "return (1.7e308, -1.7e308, 5e-324)")
    s.inside(LOSS, "return float('nan'), np.full(args[0].shape, -1.7e308)")
    s.inside("numerical_gradient", "return np.full(np.shape(args[1]), np.nan)")


@case(0)
def widen_the_tolerance(s: Handin) -> None:
    """Right results off by a thousandth: near is not right. Must get 0."""
    s.right()
    for name in POINTS:
        s.wrapped(
            name,
            f"""
            def {name}(*args, **kwargs):
                value = inner(*args, **kwargs)
                off = lambda v: np.asarray(v) * 1.001 + 1e-3
                if isinstance(value, tuple):
                    keep = {"value[1:]" if "forward" in name else "tuple(map(off, value[1:]))"}
                    return (off(value[0]), *keep)
                return off(value)
            """,
        )


@case(WITHOUT_LOSS, says="wrote into its argument")
def write_into_arguments(s: Handin) -> None:
    """Wrong, and overwrites its arguments with what it returns, to make both sides agree."""
    s.right()
    s.inside(LOSS, "for a in args:\n    a[...] = 0\nreturn 0.0, args[0]")


@case(0)
def broadcast_scalars(s: Handin) -> None:
    """Results that broadcast against everything: empty, one element, no axes, wrong rank."""
    s.wrong()
    empty = "np.ones((0, 4)), np.zeros(0), np.zeros(()), np.ones((1, 1, 1)), []"
    for name in ("rnn_step_backward", "rnn_backward"):
        s.inside(name, f"return {empty}")
    s.inside("rnn_step_forward", "return np.zeros(0), None")
    s.inside("rnn_forward", "return np.zeros((0, 0, 0)), None")
    s.inside(LOSS, "return np.zeros(0), np.zeros((0, 3))")
