"""Systematic small changes to a piece of source: what a probe has to notice.

`mutants(source)` yields every change with a label that says where and what. Changes are made on the
syntax tree, one at a time: operators and operands swapped, a term dropped, a transpose put in or
taken out, axes, indices, constants and comparisons moved by one, calls taken off their argument,
functions exchanged for their neighbours, results reordered, statements left out.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.MatMult: (),
    ast.Pow: (ast.Mult,),
}
COMPARISONS = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE,),
    ast.LtE: (ast.Lt,),
    ast.Gt: (ast.GtE,),
    ast.GtE: (ast.Gt,),
}
NEIGHBOURS = {
    "sum": ("mean", "max"),
    "max": ("min", "mean"),
    "tanh": ("sin", "arctan"),
    "exp": ("expm1",),
    "log": ("log1p",),
    "zeros": ("ones",),
    "zeros_like": ("ones_like",),
    "any": ("all",),
}
TRANSPARENT = ("reversed", "float", "list", "copy", "astype")
"""Calls that a careless author leaves out: the argument, or the object, is what remains."""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield ``(label, changed source)`` for every mutation of ``source``; labels are unique."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    numbers: dict[str, int] = {}
    for node in ast.walk(tree):
        for what, new in alternatives(node):
            changed = ast.unparse(replaced(tree, node, new))
            if changed in seen:
                continue
            seen.add(changed)
            label = f"{ast.unparse(node).splitlines()[0]}  ->  {what}"
            numbers[label] = numbers.get(label, 0) + 1
            if numbers[label] > 1:
                label += f"  ({numbers[label]})"
            yield label, changed


def replaced(tree: ast.AST, node: ast.AST, new: ast.AST) -> ast.AST:
    """A copy of ``tree`` in which ``new`` stands for ``node``."""
    memo: dict[int, ast.AST] = {}
    fresh = copy.deepcopy(tree, memo)
    target = memo[id(node)]

    class Replace(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> ast.AST:
            return copy.deepcopy(new) if visited is target else self.generic_visit(visited)

    return ast.fix_missing_locations(Replace().visit(fresh))


def alternatives(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield ``(text, node)`` for everything that may stand in the place of ``node``."""
    for new in (
        *operators(node),
        *terms(node),
        *transposes(node),
        *constants(node),
        *calls(node),
        *orders(node),
        *statements(node),
    ):
        yield ("nothing" if isinstance(new, ast.Pass) else ast.unparse(new)), new


def operators(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):  # none for | and &
            yield ast.BinOp(node.left, operator(), node.right)
        if not isinstance(node.op, ast.Add | ast.Mult):
            yield ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.Compare):
        for operator in COMPARISONS.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [operator()], node.comparators)


def terms(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    elif isinstance(node, ast.UnaryOp):
        yield node.operand


def transposes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield ast.BinOp(ast.Attribute(node.left, "T", ast.Load()), node.op, node.right)
        yield ast.BinOp(node.left, node.op, ast.Attribute(node.right, "T", ast.Load()))
        yield ast.Attribute(node, "T", ast.Load())


def constants(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
        if isinstance(node.value, float):
            yield ast.Constant(node.value * 10)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        for index in shifted(node.slice):
            yield ast.Subscript(node.value, index, node.ctx)


def shifted(index: ast.AST) -> Iterator[ast.AST]:
    """An index that is a name, or has one in it, moved by one in both directions."""
    one = ast.Constant(1)
    if isinstance(index, ast.Name):
        yield ast.BinOp(index, ast.Sub(), one)
        yield ast.BinOp(index, ast.Add(), one)
    elif isinstance(index, ast.Tuple):
        for i, element in enumerate(index.elts):
            for new in shifted(element):
                yield ast.Tuple([*index.elts[:i], new, *index.elts[i + 1 :]], index.ctx)


def calls(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in TRANSPARENT:
        yield node.args[0] if node.args else node.func.value
    if isinstance(node.func, ast.Attribute):
        for other in NEIGHBOURS.get(name, ()):
            function = ast.Attribute(node.func.value, other, node.func.ctx)
            yield ast.Call(function, node.args, node.keywords)
    if name == "range":
        one = ast.Constant(1)
        *start, stop = node.args
        yield ast.Call(node.func, [*start, ast.BinOp(stop, ast.Sub(), one)], [])
        yield ast.Call(node.func, [ast.Constant(1), stop], [])
    for i in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])


def orders(node: ast.AST) -> Iterator[ast.AST]:
    """Neighbours in a tuple, and positional arguments of a call, change places."""
    if isinstance(node, ast.Tuple):
        for elements in swapped(node.elts):
            yield ast.Tuple(elements, node.ctx)
    elif isinstance(node, ast.Call):
        for elements in swapped(node.args):
            yield ast.Call(node.func, elements, node.keywords)


def swapped(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.If | ast.Expr) and not is_docstring:
        yield ast.Pass()
