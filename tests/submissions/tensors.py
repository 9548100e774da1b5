"""Torch where nobody sees it, tensors and generators of every kind, helpers of ours replaced.

In this assignment a result has to be a NumPy array; what a tensor must not do is harm, or be taken
for one. Probes with tensors, generators and kept objects are attacked in
``tests/sandbox/test_probe_attacks.py``.
"""

from .case import FULL, LOSS, POINTS, WITHOUT_LOSS, Handin, case, solutions
from .pipe import SIDE, in_the_loss


@case()
def torch_hidden_in_a_cell(s: Handin) -> None:
    """Right answers that compute with a library whose name stands nowhere. Must get all."""
    s.right()
    s.own("import importlib\nlibrary = importlib.import_module('hcrot'[::-1])", where="setup")
    s.wrapped(
        "temporal_affine_forward",
        """
        def temporal_affine_forward(x, w, b):
            _, cache = inner(x, w, b)
            x, w, b = (library.as_tensor(v) for v in (x, w, b))
            return (x @ w + b).numpy(), cache
        """,
    )


@case()
def torch_hidden_in_a_function(s: Handin) -> None:
    """Right answers; one imports that library in its first call, within its time. All points."""
    s.right()
    s.inside(
        LOSS,
        """
        name = "".join(map(chr, (116, 111, 114, 99, 104)))
        library = __import__(name)
        assert float(library.ones(3).sum()) == 3.0
        """,
    )


@case()
def torch_in_a_comment_only(s: Handin) -> None:
    """Right answers; the word torch stands in a comment, so the larger sandbox is taken. All."""
    s.right()
    s.inside("rnn_forward", "# like torch.nn.RNN")


@case(WITHOUT_LOSS, says="Tensor")
def tensor_right_but_no_array(s: Handin) -> None:
    """Right numbers as tensors that require a gradient, where arrays are asked for. Not taken."""
    s.right()
    s.wrapped(
        LOSS,
        f"""
        import torch

        def {LOSS}(*args):
            return tuple(torch.tensor(v, requires_grad=True) for v in inner(*args))
        """,
    )


ODD = """
import itertools
import torch


def odd_tensors():
    x = torch.ones(3)
    made = [
        lambda: torch.ones(3, dtype=torch.complex64).conj(), lambda: x.to(torch.bfloat16),
        lambda: torch.ones(3, device="meta"), lambda: x.to_sparse(), lambda: torch._neg_view(x),
        lambda: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8), lambda: torch.empty(0, 2**40),
        lambda: torch.ones(1).expand(2**20, 2**20), lambda: torch.ones(()),
        lambda: torch.nn.Parameter(x), lambda: torch.ones((1,) * 30),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: x.to(torch.float8_e4m3fn), lambda: torch.full((3,), float("nan")),
    ]
    return itertools.cycle(made)


odd = odd_tensors()
"""


@case(WITHOUT_LOSS)
def tensor_of_every_kind(s: Handin) -> None:
    """Complex, sparse, quantized, nested, without storage, of 8 TB that are one number."""
    s.right()
    s.own(ODD, where="setup")
    s.inside(LOSS, "value = next(odd)()\nreturn value, value", solve=False)


@case(WITHOUT_LOSS)
def tensor_subclass_that_lies(s: Handin) -> None:
    """A tensor whose class answers every question itself: all comparisons hold, its array is 0."""
    s.right()
    s.own(
        """
        import torch

        class Evil(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                return True

            def detach(self):
                return self

            cpu = detach

            def numpy(self):
                class Lie(np.ndarray):
                    dtype = np.dtype("f8")
                    __eq__ = __le__ = __lt__ = lambda self, other: True
                return np.zeros(3).view(Lie)
        """,
        where="setup",
    )
    s.inside(LOSS, "evil = torch.ones(3).as_subclass(Evil)\nreturn evil, evil", solve=False)


@case(WITHOUT_LOSS, seconds=40)
def tensor_whose_array_never_comes(s: Handin) -> None:
    """A tensor whose ``numpy()`` never returns. Costs the time of its exercise, nothing else."""
    s.right()
    s.own(
        """
        import torch

        class Slow(torch.Tensor):
            def detach(self):
                while True:
                    pass
        """,
        where="setup",
    )
    s.inside(LOSS, "slow = torch.ones(3).as_subclass(Slow)\nreturn slow, slow", solve=False)


@case((WITHOUT_LOSS - POINTS["numerical_gradient"], WITHOUT_LOSS))
def torch_of_their_own(s: Handin) -> None:
    """A function puts a module called torch in its place, whose Tensor is the class of everything.

    What that breaks in later calls of the same process is its own doing.
    """
    s.right()
    s.inside(
        LOSS,
        """
        import sys, types
        fake = types.ModuleType("torch")
        fake.Tensor = object
        sys.modules["torch"] = fake
        return 0.5, np.zeros(args[0].shape)
        """,
        solve=False,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_tensors(s: Handin) -> None:
    """Forged tensors: of nothing, of lists, of tensors, of handles, larger than their bytes."""
    in_the_loss(
        s,
        """
        def tensor(v):
            return {"$": "tensor", "v": v}

        one = array("<f8", [1])
        deep = one
        for _ in range(60):
            deep = tensor(deep)
        forms = [
            tensor(None), tensor(1.5), tensor("x"), tensor([]), tensor(tensor(one)), deep,
            tensor({"$": "list", "v": [one]}), tensor({"$": "handle", "v": 0}),
            tensor({"$": "foreign", "v": 0}), tensor(array("<f8", [2**40])),
            tensor(array("|O", [1])), tensor(array("<f8", [2**26] * 2 + [0], 0, "strided")),
            tensor(array("<f8", [-1])),
        ]
        answer(pair(tensor(array("<f8", [])), forms[find_side().request % len(forms)]), bytes(8))
        """,
    )


@case(WITHOUT_LOSS, stock=False)
def pipe_generators(s: Handin) -> None:
    """Forged generators: states that are numbers, arrays, too large, of other bit generators."""
    in_the_loss(
        s,
        """
        def generator(v):
            return {"$": "generator", "v": v}

        def dict_of(**entries):
            return {"$": "dict", "v": [[k, v] for k, v in entries.items()]}

        inner_state = dict_of(state=2**200, inc=-1)
        whole = dict_of(bit_generator="PCG64", state=inner_state, has_uint32=0, uinteger=0)
        other = dict_of(bit_generator="MT19937", state=dict_of(key=array("<u4", [1]), pos=0))
        odd = dict_of(bit_generator="PCG64", state=array("<f8", [1]), has_uint32="x")
        forms = [
            generator(v) for v in (None, 1, "PCG64", array("<f8", [1]), whole, other, odd,
            dict_of(), generator(None), {"$": "list", "v": []})
        ]
        answer(pair(0.5, forms[find_side().request % len(forms)]), bytes(8))
        """,
    )


@case(0, stock=False)
def helpers_replaced(s: Handin) -> None:
    """Wrong answers; every function of ours on the student's side is replaced by a flatterer.

    They may only return numbers, so nothing is gained.
    """
    s.wrong()
    s.own(
        """
        import sys, types
        import unrolled.arrays, unrolled.compare, unrolled.judge, unrolled.remote, unrolled.rules
        from unrolled.verdict import Verdict

        def flatter(*args, **kwargs):
            return True

        for name, module in list(sys.modules.items()):
            if name in ("unrolled.remote", "unrolled.compare", "unrolled.judge", "unrolled.rules"):
                for key, value in list(vars(module).items()):
                    if isinstance(value, types.FunctionType):
                        setattr(module, key, flatter)
        unrolled.arrays.same_argument = unrolled.namespace.same_argument = flatter
        sys.modules["unrolled.remote"] = types.SimpleNamespace(
            after=flatter, method=flatter, gradients=flatter
        )
        """,
        where="setup",
    )


@case(0, stock=False)
def helpers_replaced_on_the_way(s: Handin) -> None:
    """Wrong answers; what calls a function and what encodes its result are the student's own."""
    s.wrong()
    s.own(
        SIDE
        + """
from autograder.sandbox import student, wire


def call(names, name, args):
    shapes = [np.shape(a) for a in args if isinstance(a, np.ndarray)]
    return tuple(np.ones(shapes[0]) for _ in range(5)), []


student.call_copied = call
student.Side.hold = lambda self, value, keep: value
wire.tensor_values = lambda value: np.ones(3)
wire.is_tensor = lambda value: True
""",
        where="setup",
    )


@case(FULL - POINTS["rnn_step_backward"] - POINTS["rnn_backward"], stock=False)
def kept_object_of_another_kind(s: Handin) -> None:
    """Caches that are classes, modules, numbers, proxies. What reads them is charged, no other."""
    s.right()
    for name in ("rnn_step_forward", "rnn_forward"):
        s.answer(
            name,
            solutions()[name].replace(f"def {name}(", f"def inner_{name}(")
            + f"""


class Proxy:
    def __getattr__(self, name):
        raise SystemExit

    def __iter__(self):
        while True:
            yield self

    __class__ = np.ndarray


odd_{name} = iter([Proxy(), Proxy, np, 5, None, b"", lambda: 0] * 100)


def {name}(*args):
    return inner_{name}(*args)[0], next(odd_{name})
""",
        )
    for name in ("rnn_step_backward", "rnn_backward"):
        s.wrong(name)
        s.inside(name, "cache = args[1]\nreturn cache", solve=False)
