"""Correct solutions in odd surroundings. Every one must get all points."""

from .case import LOSS, POINTS, Handin, case


@case()
def odd_progress_bar(s: Handin) -> None:
    """Progress bars and prints, inside the functions and outside, on stdout and stderr."""
    s.right()
    s.inside(
        "rnn_forward",
        """
        import sys
        from tqdm.auto import tqdm
        for _ in tqdm(range(3), desc="steps"):
            print("step", file=sys.stderr)
        """,
    )
    s.own("from tqdm import trange\nfor _ in trange(1000):\n    pass")


@case()
def odd_seterr_raise_at_the_end(s: Handin) -> None:
    """A cell after the last check makes numpy raise on underflow; the check above was passed."""
    s.right()
    s.own("np.seterr(all='raise')")


@case()
def odd_warnings_are_errors_at_the_end(s: Handin) -> None:
    """A cell after the last check turns warnings into errors; one answer warns on purpose."""
    s.right()
    s.inside(LOSS, "import warnings\nwarnings.warn('slow')")
    s.own("import warnings\nwarnings.simplefilter('error')")


@case()
def odd_printoptions(s: Handin) -> None:
    """Changed print options of numpy and torch."""
    s.right()
    s.own("np.set_printoptions(precision=1, threshold=2)", where="setup")
    s.own("import torch\ntorch.set_printoptions(precision=1)")


@case()
def odd_random_state(s: Handin) -> None:
    """Seeds everything, replaces numpy's default generator and draws from it in an answer."""
    s.right()
    s.own("import random\nrandom.seed(1)\nnp.random.seed(1)\nrng = np.random.default_rng(3)")
    s.inside("rnn_forward", "np.random.randn(3)\nrng.normal()")


@case()
def odd_threads(s: Handin) -> None:
    """Computes an answer in a pool of threads and leaves the pool open."""
    s.right()
    s.wrapped(
        "rnn_forward",
        """
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(4)

        def rnn_forward(*args):
            return pool.submit(inner, *args).result()
        """,
    )


@case()
def odd_processes(s: Handin) -> None:
    """An own cell uses a pool of four processes."""
    s.right()
    s.own(
        """
        from multiprocessing import Pool

        def square(n):
            return n * n

        with Pool(4) as pool:
            print(pool.map(square, range(20)))
        """
    )


@case()
def odd_global_names(s: Handin) -> None:
    """Own cells use the names x, h, rng, ns, T, check, data, f and mask for other things."""
    s.right()
    s.own("x = h = T = ns = rng = mask = f = data = 3\ndef check(*_):\n    return None")


@case()
def odd_builtins_shadowed_at_the_end(s: Handin) -> None:
    """A cell after the last check calls things sum, range, len, list, max, reversed and float."""
    s.right()
    s.own("sum = range = len = list = max = reversed = float = 3")


@case()
def odd_np_rebound_at_the_end(s: Handin) -> None:
    """A cell after the last check uses the name np for something else."""
    s.right()
    s.own("np = 10")


@case()
def odd_helper_before(s: Handin) -> None:
    """A helper function in an own cell above the answer that needs it."""
    s.right()
    s.own("def helper(value):\n    return value", where="setup")
    s.inside("rnn_step_forward", "args = [helper(a) for a in args]")


@case()
def odd_helper_after(s: Handin) -> None:
    """A helper function in an own cell at the end (the cells were run in another order)."""
    s.right()
    s.inside("rnn_step_forward", "args = [helper(a) for a in args]")
    s.own("def helper(value):\n    return value")


@case(seconds=60)
def odd_slow_own_cells(s: Handin) -> None:
    """Five own cells of eight seconds each, one of which defines a helper."""
    s.right()
    for _ in range(4):
        s.own("import time\ntime.sleep(8)", where="setup")
    s.own("import time\ndef helper(v):\n    return v\ntime.sleep(8)", where="check_rnn_forward")
    s.inside("numerical_gradient", "helper(3)")


@case()
def odd_pictures(s: Handin) -> None:
    """Forty figures in one cell, several megabytes together; plt.show() in an answer."""
    s.right()
    s.own(
        """
        for k in range(40):
            plt.figure(figsize=(8, 5), dpi=150)
            plt.imshow(np.random.rand(400, 400))
            plt.show()
        """
    )
    s.inside(LOSS, "plt.plot([1, 2]); plt.show()")


@case()
def odd_magics(s: Handin) -> None:
    """Line and cell magics, shell commands and a magic that does not exist here."""
    s.right()
    s.own("%timeit -n1 -r1 1 + 1\n%matplotlib inline\n!ls -la\nfiles = !ls\nprint(files)")
    s.own("%%time\nsum(range(10))")
    s.own("%%bash\necho hello; sleep 0.1")
    s.own("%%capture out\nprint('caught')")
    s.own("%load_ext autoreload\n%autoreload 2")
    s.own("%matplotlib widget")
    s.own("%no_such_magic at all")


@case()
def odd_magic_in_the_answer(s: Handin) -> None:
    """A magic and a shell command stand in the answer cell itself."""
    s.right()
    cell = s.cell("rnn_step_forward")
    cell["source"] = "%matplotlib inline\n!echo hello\n" + cell["source"]


@case()
def odd_display(s: Handin) -> None:
    """display(), rich objects and a last expression in own cells and in an answer."""
    s.right()
    s.own("from IPython.display import HTML, Image, Markdown, display\ndisplay(HTML('<b>x</b>'))")
    s.inside("rnn_forward", "from IPython.display import display\ndisplay(args[0])")
    s.own("Markdown('# title')", where="setup")


@case()
def odd_dataclass_cache(s: Handin) -> None:
    """The cache is a dataclass with type hints."""
    s.right()
    s.wrapped(
        "rnn_step_forward",
        """
        from dataclasses import dataclass

        @dataclass(frozen=True, slots=True)
        class Cache:
            value: tuple

        def rnn_step_forward(
            x: np.ndarray, prev_h: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
        ) -> tuple[np.ndarray, Cache]:
            next_h, cache = inner(x, prev_h, Wx, Wh, b)
            return next_h, Cache(cache)
        """,
    )
    s.wrapped(
        "rnn_step_backward", "def rnn_step_backward(d, cache):\n    return inner(d, cache.value)"
    )


@case()
def odd_cache_that_cannot_be_pickled(s: Handin) -> None:
    """The cache is a closure; another one is a generator that waits to be read once."""
    s.right()
    s.wrapped(
        "rnn_step_forward",
        """
        def rnn_step_forward(*args):
            next_h, cache = inner(*args)
            return next_h, lambda: cache
        """,
    )
    s.wrapped("rnn_step_backward", "def rnn_step_backward(d, cache):\n    return inner(d, cache())")
    s.wrapped(
        "temporal_affine_forward",
        """
        def temporal_affine_forward(*args):
            out, cache = inner(*args)
            return out, iter([cache])
        """,
    )
    s.wrapped(
        "temporal_affine_backward",
        "def temporal_affine_backward(d, cache):\n    return inner(d, next(cache))",
    )


@case()
def odd_callables(s: Handin) -> None:
    """An object with __call__, a partial, a bound method and a lambda in place of functions."""
    s.right()
    s.wrapped(
        "rnn_step_forward",
        """
        class Step:
            def __call__(self, x, prev_h, Wx, Wh, b):
                return inner(x, prev_h, Wx, Wh, b)

        rnn_step_forward = Step()
        """,
    )
    s.wrapped("rnn_forward", "import functools\nrnn_forward = functools.partial(inner)")
    s.wrapped(
        LOSS,
        f"""
        class Loss:
            def compute(self, x, y, mask):
                return inner(x, y, mask)

        {LOSS} = Loss().compute
        """,
    )
    s.wrapped("numerical_gradient", "numerical_gradient = lambda *a, **k: inner(*a, **k)")


@case()
def odd_decorators(s: Handin) -> None:
    """Decorated functions: lru_cache on a helper, a timer with and without functools.wraps."""
    s.right()
    s.wrapped(
        "rnn_step_forward",
        """
        import functools
        import time

        @functools.lru_cache
        def identity(n):
            return np.eye(n)

        def timed(function):
            def call(*args, **kwargs):
                start = time.time()
                value = function(*args, **kwargs)
                print(f"{time.time() - start:.3f} s", identity(3).shape)
                return value

            return call

        rnn_step_forward = timed(inner)
        """,
    )


@case()
def odd_numba_guarded(s: Handin) -> None:
    """An import of a package that is not there, guarded by try, and one in an own cell."""
    s.right()
    s.own(
        """
        try:
            from numba import njit
        except ImportError:
            def njit(function):
                return function
        """,
        where="setup",
    )
    s.wrapped("rnn_step_forward", "@njit\ndef rnn_step_forward(*args):\n    return inner(*args)")
    s.own("import tensorflow as tf")


@case()
def odd_async_cell(s: Handin) -> None:
    """Cells with await at top level."""
    s.right()
    s.own("import asyncio\nawait asyncio.sleep(0.01)\nprint('slept')")
    s.own("async def wait():\n    await asyncio.sleep(0)\nawait asyncio.gather(wait(), wait())")


@case()
def odd_identifiers(s: Handin) -> None:
    """Greek, Chinese and accented identifiers, and text in many scripts."""
    s.right()
    s.own("α, 学习率, naïve = 1, 2, 3\nprint('ελληνικά 中文 עברית 👩‍🔬')", where="setup")
    s.inside("rnn_forward", "η = α * 学习率 * naïve")


@case()
def odd_named_tuple(s: Handin) -> None:
    """Several results come as a named tuple, a list and a subclass of list."""
    s.right()
    s.wrapped(
        "rnn_step_backward",
        """
        from collections import namedtuple

        Gradients = namedtuple("Gradients", "dx dprev_h dWx dWh db")

        def rnn_step_backward(*args):
            return Gradients(*inner(*args))
        """,
    )
    s.wrapped(
        "rnn_step_forward",
        """
        from typing import Any, NamedTuple

        class Step(NamedTuple):
            next_h: np.ndarray
            cache: Any

        def rnn_step_forward(*args):
            return Step(*inner(*args))
        """,
    )
    s.wrapped("rnn_forward", "def rnn_forward(*args):\n    return list(inner(*args))")
    s.wrapped(
        "temporal_affine_forward",
        """
        class Results(list):
            pass

        def temporal_affine_forward(*args):
            return Results(inner(*args))
        """,
    )


@case()
def odd_memory_orders(s: Handin) -> None:
    """Results in Fortran order, as reversed views, big-endian, of higher precision, read-only."""
    s.right()
    s.wrapped(
        "rnn_forward",
        """
        def rnn_forward(*args):
            h, cache = inner(*args)
            return np.asfortranarray(h), cache
        """,
    )
    s.wrapped(
        "rnn_step_backward",
        """
        def rnn_step_backward(*args):
            dx, dprev_h, dWx, dWh, db = inner(*args)
            db.flags.writeable = False
            flipped = np.ascontiguousarray(dprev_h[::-1])[::-1]
            return dx.astype(">f8"), flipped, np.asfortranarray(dWx), dWh.T.copy().T, db
        """,
    )
    s.wrapped(
        "temporal_affine_backward",
        """
        def temporal_affine_backward(*args):
            return [v.astype(np.longdouble) for v in inner(*args)]
        """,
    )


@case()
def odd_loss_types(s: Handin) -> None:
    """The loss is a numpy scalar or an array without axes, the gradient a subclass of ndarray."""
    s.right()
    s.wrapped(
        LOSS,
        f"""
        class Mine(np.ndarray):
            pass

        def {LOSS}(x, y, mask):
            loss, dx = inner(x, y, mask)
            return (np.float64(loss) if mask.all() else np.array(loss)), dx.view(Mine)
        """,
    )


@case()
def odd_grad_off_at_the_end(s: Handin) -> None:
    """A cell after the last check switches autograd off, on which an answer relies."""
    s.right()
    s.inside(
        LOSS,
        """
        import torch
        v = torch.ones(2, requires_grad=True)
        (v * v).sum().backward()
        """,
    )
    s.own("import torch\ntorch.set_grad_enabled(False)")


@case()
def odd_errors_in_own_cells(s: Handin) -> None:
    """Own cells raise, assert, exit, interrupt, recurse and do not parse."""
    s.right()
    for code in (
        "raise ValueError('my own test')",
        "assert 1 == 2, 'mine'",
        "import sys\nsys.exit(1)",
        "exit()",
        "raise KeyboardInterrupt",
        "def f(n):\n    return f(n + 1)\nf(0)",
        "this is not python",
        "raise BaseException('odd')",
        "raise SystemExit",
    ):
        s.own(code, where="setup")


@case()
def odd_working_folder(s: Handin) -> None:
    """An own cell goes to another folder, writes files and changes umask and environment."""
    s.right()
    s.own(
        """
        import os
        os.makedirs("results", exist_ok=True)
        os.chdir("results")
        os.umask(0o777)
        os.environ["OMP_NUM_THREADS"] = "7"
        np.save("h.npy", np.ones(3))
        open("log.txt", "w").write("done")
        """,
        where="setup",
    )


@case()
def odd_streams(s: Handin) -> None:
    """Redirects and closes the standard streams and configures logging."""
    s.right()
    s.own(
        """
        import io, logging, sys
        logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)
        logging.warning("hello")
        sys.stdout = io.StringIO()
        sys.stderr.close()
        """
    )
    s.inside("rnn_step_forward", "print('inside')\nimport logging\nlogging.info('x')")


@case()
def odd_star_imports(s: Handin) -> None:
    """At the end, from numpy import * hides builtins such as sum, max, abs, all and any."""
    s.right()
    s.own("from numpy import *\nfrom math import *")


@case()
def odd_keyword_names(s: Handin) -> None:
    """Parameters have other names, defaults and keywords of their own."""
    s.right()
    s.wrapped(
        "rnn_step_forward",
        """
        def rnn_step_forward(inputs, state, W, U, bias, *, verbose=False, dtype=None):
            return inner(inputs, state, W, U, bias)
        """,
    )


@case()
def odd_all_in_one_cell(s: Handin) -> None:
    """All functions stand in the first answer cell; the other cells were deleted."""
    s.right()
    text = "\n\n\n".join(s.cell(name)["source"] for name in POINTS)
    release = {
        n: f"def {n}(*a):\n    # YOUR CODE HERE\n    raise NotImplementedError()" for n in POINTS
    }
    for name in POINTS:
        s.answer(name, release[name])
    s.answer("rnn_step_forward", text)
    for name in list(POINTS)[1:]:
        s.cells.remove(s.cell(name))


@case()
def odd_recursion_limit(s: Handin) -> None:
    """An own cell lowers the recursion limit and turns garbage collection off."""
    s.right()
    s.own("import gc, sys\ngc.disable()\nsys.setrecursionlimit(400)")


@case()
def odd_signals_and_exits(s: Handin) -> None:
    """Own handlers of SIGALRM, SIGINT and SIGTERM, exit functions and a trace function."""
    s.right()
    s.own(
        """
        import atexit, signal, sys
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, lambda *_: print("no"))
        atexit.register(print, "bye")
        sys.settrace(lambda *_: None)
        sys.excepthook = lambda *_: None
        """
    )
