"""The small changes that are tried on a module: each one what a slip of the hand or of the mind would leave."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
# What only people read may be worded in any way.
_WORDS_FOR_PEOPLE = ("description", "reason", "text", "why", "error")
# A test could only repeat the list.
_LISTS_OF_WORDS = ("exporters/matching_words.py",)
# Against a mistake that a type checker sees too.
_FOR_CHECKERS = ("frozen",)
_NOTHING = "nothing"


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    `path` is the module's, `line` its line as it stands, `change` what becomes of which part of it: together they name
    the mutant for people. `function` is the qualified name of the outermost function whose body is changed, "" where
    the change only shows when the module is imported anew. `first` to `last` are the lines of the changed statement.
    The bytes from `start` to `end` become `text`.
    """

    path: str
    line: str
    change: str
    function: str
    first: int
    last: int
    start: int
    end: int
    text: str
    digest: str
    occurrence: int = 0

    @property
    def key(self) -> str:
        """Names it between runs, as long as its function, or its statement outside of one, stays as it is."""
        return f"{self.path}:{self.digest}:{self.line}:{self.change}:{self.occurrence}"

    def apply(self, source: str) -> str:
        """The changed source; every other line keeps its number."""
        encoded = source.encode()
        removed = encoded[self.start : self.end].decode()
        padding = "\n" * (removed.count("\n") - self.text.count("\n"))
        return (encoded[: self.start] + (self.text + padding).encode() + encoded[self.end :]).decode()


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text; none of a list of words."""
    if path in _LISTS_OF_WORDS:
        return []
    finder = _Finder(path, source)
    finder.visit_block(ast.parse(source).body)
    seen: Counter[str] = Counter()
    numbered = []
    for mutant in sorted(finder.mutants, key=lambda one: (one.start, one.end)):
        numbered.append(replace(mutant, occurrence=seen[mutant.key]))
        seen[mutant.key] += 1
    return numbered


class _Finder:
    """Walks the statements of a module, and inside each its expressions."""

    def __init__(self, path: str, source: str) -> None:
        self.mutants: list[Mutant] = []
        self._path = path
        self._source = source
        self._encoded = source.encode()
        self._lines = source.splitlines()
        self._starts = [0]
        for line in self._encoded.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._names: list[str] = []
        self._function: tuple[str, str] | None = None
        self._statement: ast.stmt = ast.Pass()

    def visit_block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self._definition(statement)
            elif not _is_for_readers(statement):
                self._visit(statement)

    def _definition(self, statement: ast.FunctionDef | ast.ClassDef) -> None:
        outside = self._function
        if isinstance(statement, ast.FunctionDef):
            self._statement = statement
            for default in [*statement.args.defaults, *statement.args.kw_defaults]:
                if default is not None:
                    self._expression(default)
        self._names.append(statement.name)
        if isinstance(statement, ast.FunctionDef) and outside is None:
            self._function = (".".join(self._names), _digest(ast.get_source_segment(self._source, statement)))
        self.visit_block(statement.body)
        self._names.pop()
        self._function = outside

    def _visit(self, statement: ast.stmt) -> None:
        self._statement = statement
        self._slip(statement)
        if isinstance(statement, ast.If) and isinstance(statement.test, ast.Name | ast.Attribute | ast.Call):
            self._add(statement.test, f"not ({ast.unparse(statement.test)})", f"if {_short(statement.test)} → if not")
        for name, value in ast.iter_fields(statement):
            if name in ("annotation", "target", "targets"):
                continue
            for part in value if isinstance(value, list) else [value]:
                self._part(statement, part)

    def _part(self, statement: ast.stmt, part: object) -> None:
        if isinstance(part, ast.stmt):
            self.visit_block([part])
        elif isinstance(part, ast.ExceptHandler):
            self._statement = statement
            if isinstance(part.type, ast.Tuple):
                for one in part.type.elts:
                    rest = "".join(f"{ast.unparse(other)}, " for other in part.type.elts if other is not one)
                    self._add(part.type, f"({rest})", f"except {ast.unparse(one)} → {_NOTHING}")
            self.visit_block(part.body)
        elif isinstance(part, ast.withitem):
            self._expression(part.context_expr)
        elif isinstance(part, ast.expr):
            self._statement = statement
            self._expression(part)

    def _slip(self, statement: ast.stmt) -> None:
        """A call that is forgotten, a field that is not set, an error that is not raised, a loop that goes on."""
        if _can_be_forgotten(statement):
            self._add(statement, "pass", f"{_short(statement)} → {_NOTHING}")
        elif isinstance(statement, ast.Continue):
            self._add(statement, "break", "continue → break")
        elif isinstance(statement, ast.Break):
            self._add(statement, "continue", "break → continue")
        elif isinstance(statement, ast.Return) and statement.value and ast.unparse(statement.value) != "None":
            self._add(statement, "return None", f"{_short(statement)} → return None")

    def _expression(self, node: ast.AST) -> None:
        if isinstance(node, ast.JoinedStr):
            return  # What is said to people.
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
                self._between(left, right, *_COMPARISONS[type(operator)])
        elif isinstance(node, ast.BoolOp):
            was, becomes = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                self._between(left, right, was, becomes)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._add(node, f"({ast.unparse(node.operand)})", f"{_short(node)} → without not")
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            if not _is_text(node.left) and not _is_text(node.right):
                self._between(node.left, node.right, *_ARITHMETIC[type(node.op)])
        elif isinstance(node, ast.IfExp) and isinstance(node.test, ast.Name | ast.Attribute | ast.Call):
            self._add(node.test, f"(not {ast.unparse(node.test)})", f"if {_short(node.test)} → if not")
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Constant):
            self._constant(node)
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.keyword) and child.arg in _WORDS_FOR_PEOPLE + _FOR_CHECKERS):
                self._expression(child)

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            becomes = _CALLS[node.func.id]
            self._add(node.func, becomes, f"{node.func.id} → {becomes}")
        for keyword in node.keywords:
            is_flag = isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool)
            if keyword.arg and keyword.arg not in _WORDS_FOR_PEOPLE and not is_flag:
                start, end = self._span(keyword)
                rest = self._encoded[end:]
                blanks = len(rest) - len(rest.lstrip())
                if rest[blanks : blanks + 1] == b",":
                    end += blanks + 1
                self._add_span(start, end, "", f"{keyword.arg}={_short(keyword.value)} → left out")

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._add(node, str(not value), f"{value} → {not value}")
        elif isinstance(value, int | float):
            self._add(node, repr(value + 1), f"{value} → {value + 1}")
        elif isinstance(value, str) and value and not any(blank in value for blank in " \n"):
            self._add(node, repr(f"XX{value}"), f"{value!r} → {f'XX{value}'!r}")
        elif isinstance(value, bytes) and value:
            self._add(node, repr(b"XX" + value), f"{value!r} → {b'XX' + value!r}")

    def _between(self, left: ast.expr, right: ast.expr, was: str, becomes: str) -> None:
        """The operator stands between its operands, perhaps with brackets and line breaks around it."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self._encoded[start:end]
        at = gap.find(was.encode())
        if at >= 0 and b"#" not in gap:
            self._add_span(start + at, start + at + len(was), becomes, f"{was} → {becomes}")

    def _add(self, node: ast.AST, text: str, change: str) -> None:
        self._add_span(*self._span(node), text, change)

    def _add_span(self, start: int, end: int, text: str, change: str) -> None:
        statement = self._statement
        name, digest = self._function or ("", _digest(ast.get_source_segment(self._source, statement)))
        line = self._lines[self._encoded[:start].count(b"\n")].strip()
        first, last = statement.lineno, _last_line(statement)
        self.mutants.append(Mutant(self._path, line, change, name, first, last, start, end, text, digest))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        first, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
        last, end_column = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        return self._starts[first - 1] + column, self._starts[last - 1] + end_column


def _last_line(statement: ast.stmt) -> int:
    """The last line of a statement, or of the head of one that holds others."""
    body: list[ast.stmt] = getattr(statement, "body", [])
    return max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno or statement.lineno


def _is_for_readers(statement: ast.stmt) -> bool:
    """Imports would not work otherwise; docstrings, logs and what only type checkers see change nothing."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) or ast.unparse(statement).startswith("log.")
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test).endswith("TYPE_CHECKING")
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0]) == "__all__" or "TypeVar(" in ast.unparse(statement.value)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _can_be_forgotten(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.Assign):
        return isinstance(statement.targets[0], ast.Attribute | ast.Subscript)
    return isinstance(statement, ast.Raise | ast.Delete | ast.AugAssign)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def _digest(text: str | None) -> str:
    return sha256((text or "").encode()).hexdigest()[:10]
