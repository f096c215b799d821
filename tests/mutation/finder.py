"""Finds the places in a source file where the mathematics can be broken, one edit each."""

import ast
import math
from collections.abc import Callable
from itertools import pairwise

from syntax import asked_for_shape, code_within, is_record, name_of, suites
from vocabulary import (
    BINARY,
    COMMUTATIVE,
    COMPARISONS,
    OPERATORS,
    SIGNS,
    TRANSPOSES,
    TRANSPOSING,
    TWINS,
    TWINS_OF_NUMPY,
    UNARY,
)

Edit = tuple[int, int, str, str]  # start and end in bytes, replacement, rule


class Finder(ast.NodeVisitor):
    """Walks through the code, past annotations, docstrings and error messages.

    Parameters
    ----------
    source : str
    required : dict of str to set of str
        Arguments without default of each function: keywords that cannot be dropped.

    Attributes
    ----------
    edits : list of (qualified name of the function, Edit)
    """

    def __init__(self, source: str, required: dict[str, set[str]]) -> None:
        self.raw = source.encode()
        self.tree = ast.parse(source)
        self.required = required
        self.edits: list[tuple[str, Edit]] = []
        self.names: list[str] = []
        self.known = {name_of(node) for node in ast.walk(self.tree)}
        self.left_alone: set[int] = set()  # constants to change which would say nothing new
        self.line_starts = [0]
        for line in self.raw.split(b"\n"):
            self.line_starts.append(self.line_starts[-1] + len(line) + 1)

    def start(self, node: ast.AST) -> int:
        return self.line_starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self.line_starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def text(self, node: ast.AST) -> str:
        return self.raw[self.start(node) : self.end(node)].decode()

    def operand(self, node: ast.AST) -> str:
        text = self.text(node)
        atoms = (ast.Name, ast.Constant, ast.Attribute, ast.Call, ast.Subscript)
        return text if isinstance(node, atoms) else f"({text})"

    def replace(self, node: ast.AST, text: str, rule: str) -> None:
        self.cut(self.start(node), self.end(node), text, rule)

    def cut(self, start: int, end: int, text: str, rule: str) -> None:
        self.edits.append((".".join(self.names), (start, end, text, rule)))

    def between(self, left: ast.AST, right: ast.AST, old: str, new: str, rule: str) -> None:
        """Replace an operator that stands between two expressions."""
        gap = self.raw[self.end(left) : self.start(right)].decode()
        at = self.end(left) + len(gap[: gap.index(old)].encode())
        self.cut(at, at + len(old), new, rule)

    def swap(self, left: ast.AST, right: ast.AST, rule: str) -> None:
        middle = self.raw[self.end(left) : self.start(right)].decode()
        text = self.text(right) + middle + self.text(left)
        self.cut(self.start(left), self.end(right), text, rule)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
            return
        if isinstance(node, ast.If) and self.text(node.test).startswith("use_kernels("):
            return  # mutants are judged without kernels, which have tests of their own
        for kind in type(node).__mro__:
            rule: Callable[[ast.AST], None] | None = getattr(self, f"mutate_{kind.__name__}", None)
            if rule is not None:
                rule(node)
        named = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if named:
            self.names.append(node.name)  # type: ignore[attr-defined]
        for child in code_within(node):
            self.visit(child)
        if named:
            self.names.pop()

    def twin(self, name: str) -> str | None:
        """The name that could be mistaken for this one, if the file knows it."""
        if name in TWINS_OF_NUMPY:
            return TWINS_OF_NUMPY[name]
        twin = TWINS.get(name)
        if name.endswith(("_1", "_2")):
            twin = name[:-1] + {"1": "2", "2": "1"}[name[-1]]
        return twin if twin in self.known else None

    # Statements

    def mutate_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.replace(node, "pass", "statement dropped")

    def mutate_AugAssign(self, node: ast.AugAssign) -> None:
        self.replace(node, "pass", "statement dropped")
        old, new = OPERATORS[type(node.op)]
        self.between(node.target, node.value, f"{old}=", f"{new}=", "operator")
        if isinstance(node.op, ast.Add | ast.Sub):
            self.between(node.target, node.value, f"{old}=", "=", "= for +=")
        self.fourth_digit(node.value)

    def mutate_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            self.replace(node, "pass", "statement dropped")
        first = target.elts[0] if isinstance(target, ast.Tuple) else target
        if isinstance(first, ast.Name) and isinstance(node.value, ast.Call):
            loads = [n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)]
            if first.id in loads:
                self.replace(node, "pass", "step skipped")
            if first is target:
                self.skip(node.value)

    def mutate_Return(self, node: ast.Return) -> None:
        if isinstance(node.value, ast.Call):
            self.skip(node.value)

    def skip(self, call: ast.Call) -> None:
        """In place of f(x, ...) x itself."""
        if call.args and isinstance(call.args[0], ast.Name):
            self.replace(call, self.text(call.args[0]), "step skipped")

    def mutate_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.names.append(node.name)
        for before, statements in suites(node.body):
            self.before_for_after(before, statements)
        self.names.pop()

    def before_for_after(self, step: ast.stmt, later: list[ast.stmt]) -> None:
        """After ``b = f(a)``: a where b is meant, and b where a is (pre- for post-dropout)."""
        if not isinstance(step, ast.Assign) or not isinstance(step.value, ast.Call):
            return
        target = step.targets[0]
        first = target.elts[0] if isinstance(target, ast.Tuple) else target
        given = [arg for arg in step.value.args[:1] if isinstance(arg, ast.Name)]
        if not isinstance(first, ast.Name) or not given:
            return
        other = {first.id: given[0].id, given[0].id: first.id}
        for statement in later:
            asked = asked_for_shape(statement)
            for name in ast.walk(statement):
                is_load = isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
                if is_load and name.id in other and name not in asked:
                    self.replace(name, other[name.id], "before for after")

    # Expressions

    def mutate_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) not in OPERATORS:
            return
        old, new = OPERATORS[type(node.op)]
        self.between(node.left, node.right, old, new, "operator")
        self.replace(node, self.operand(node.left), "term lost")
        if not isinstance(node.op, ast.Div | ast.FloorDiv | ast.Pow):
            self.replace(node, self.operand(node.right), "term lost")
        if type(node.op) in SIGNS:
            self.fourth_digit(node.left)
            self.fourth_digit(node.right)

    def mutate_UnaryOp(self, node: ast.UnaryOp) -> None:
        self.replace(node, self.operand(node.operand), "sign lost")

    def mutate_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for op, (left, right) in zip(node.ops, pairwise(sides), strict=True):
            self.between(left, right, *COMPARISONS[type(op)], "comparison")

    def mutate_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            self.between(left, right, old, new, "and for or")
        for i in range(len(node.values)):
            rest = [self.operand(v) for j, v in enumerate(node.values) if j != i]
            self.replace(node, f" {old} ".join(rest), "condition lost")

    def mutate_If(self, node: ast.If | ast.IfExp) -> None:
        self.replace(node.test, f"not ({self.text(node.test)})", "condition negated")

    mutate_IfExp = mutate_If

    def mutate_Tuple(self, node: ast.Tuple) -> None:
        for left, right in pairwise(node.elts):
            if is_record(left) == is_record(right):
                self.swap(left, right, "order")

    def mutate_Slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper):
            if bound is not None:
                self.replace(bound, "", "bound lost")

    def mutate_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if id(node) in self.left_alone:
            return
        if isinstance(value, bool):
            self.replace(node, str(not value), "constant")
        elif isinstance(value, int):
            self.replace(node, str(value + 1), "off by one")
        elif isinstance(value, float):
            self.fourth_digit(node)

    def fourth_digit(self, node: ast.AST) -> None:
        value = getattr(node, "value", None)
        if isinstance(node, ast.Constant) and type(value) in (int, float):
            size = 10.0 ** math.floor(math.log10(abs(value))) if value else 1.0
            self.replace(node, repr(round(value + size / 1000, 12)), "fourth digit")

    def mutate_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in TRANSPOSES:
            self.replace(node, self.text(node.value), "transpose lost")
        twin = self.twin(node.attr)
        if twin:
            self.cut(self.end(node) - len(node.attr), self.end(node), twin, "twin")

    def mutate_Name(self, node: ast.Name) -> None:
        twin = self.twin(node.id)
        if twin and isinstance(node.ctx, ast.Load):
            self.replace(node, twin, "twin")

    def mutate_Call(self, node: ast.Call) -> None:
        name = name_of(node.func)
        if name == "reshape":  # its -1 is no number: it says "whatever fits", as -2 does
            signed = [arg for arg in node.args if isinstance(arg, ast.UnaryOp)]
            self.left_alone.update(id(arg.operand) for arg in signed)
        if name == "reversed":
            self.replace(node, self.text(node.args[0]), "reversed lost")
        if name in TRANSPOSING and isinstance(node.func, ast.Attribute):
            self.replace(node, self.text(node.func.value), "transpose lost")
        if name not in COMMUTATIVE:
            for left, right in pairwise(node.args):
                if is_record(left) == is_record(right):
                    self.swap(left, right, "order")
        out = next((self.text(k.value) for k in node.keywords if k.arg == "out"), None)
        if out is not None and name in BINARY + UNARY:
            for arg in node.args:
                self.replace(node, f"np.copyto({out}, {self.text(arg)})", "term lost")
                self.fourth_digit(arg)
        items = sorted([*node.args, *node.keywords], key=self.start)
        for keyword in node.keywords:
            if keyword.arg is not None:
                self.keyword(node, keyword, items)

    def keyword(self, call: ast.Call, keyword: ast.keyword, items: list[ast.AST]) -> None:
        if keyword.arg == "axis":
            for axis in ("-2", "0"):
                self.replace(keyword.value, axis, "axis")
        if keyword.arg in self.required.get(name_of(call.func), ()) or keyword.arg == "like":
            return
        if isinstance(getattr(keyword.value, "value", None), bool):
            self.left_alone.add(id(keyword.value))  # dropped says the same as flipped
        i = items.index(keyword)
        start = self.end(items[i - 1]) if i else self.start(keyword)
        following = items[i + 1] if i == 0 and len(items) > 1 else None
        end = self.start(following) if following is not None else self.end(keyword)
        self.cut(start, end, "", "keyword dropped")
