"""Small changes to a module's source that a good test notices."""

import ast
import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One change: `before` at a place of a module becomes `after`.

    Lines count from 1, columns from 0 and in bytes, as in `ast`.
    """

    module: str
    kind: str
    line: int
    column: int
    end_line: int
    end_column: int
    before: str
    after: str

    def applied(self, source: str) -> str:
        """Return the source with the change."""
        lines = source.encode().splitlines(keepends=True)
        first, last = lines[self.line - 1], lines[self.end_line - 1]
        changed = first[: self.column] + self.after.encode() + last[self.end_column :]
        return b"".join([*lines[: self.line - 1], changed, *lines[self.end_line :]]).decode()


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in source order within each node's parent."""
    lines = source.encode().splitlines(keepends=True)
    for node in _nodes(ast.parse(source)):
        before = _segment(lines, node)
        for kind, changed in _changed(node):
            place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            # In brackets, so that the change binds as the whole did.
            after = ast.unparse(changed)
            after = after if isinstance(node, ast.Constant | ast.Return) else f"({after})"
            yield Mutant(module, kind, *place, before, after)


def moved_lines(source: str, other: str) -> dict[int, int]:
    """Return the number in another source, by each line of a source that is in both."""
    matcher = difflib.SequenceMatcher(None, source.split("\n"), other.split("\n"), False)
    return {
        block.a + i + 1: block.b + i + 1
        for block in matcher.get_matching_blocks()
        for i in range(block.size)
    }


def found_again(row: dict[str, object], old: str, new: str) -> Mutant | None:
    """Return a mutant of an old source at its place in the new one; None if the code is gone.

    Args:
        row: The fields of the mutant, as lines and columns of the old source.
        old: The module's source that the mutant was drawn from.
        new: The module's source now.
    """
    lines = {text: number for number, text in enumerate(new.split("\n"), 1)}
    moved = moved_lines(old, new)
    line = moved.get(row["line"]) or lines.get(old.split("\n")[row["line"] - 1])
    same = ("kind", "column", "before", "after")
    for mutant in mutants_of(str(row["module"]), new) if line else ():
        if mutant.line == line and all(getattr(mutant, name) == row[name] for name in same):
            return mutant
    return None


def _segment(lines: list[bytes], node: ast.expr | ast.Return) -> str:
    """Return a node's source, as ast.get_source_segment, which splits the source each time."""
    last = node.end_lineno or node.lineno
    some = lines[node.lineno - 1 : last]
    some[-1] = some[-1][: node.end_col_offset]
    some[0] = some[0][node.col_offset :]
    return b"".join(some).decode()


def _nodes(node: ast.AST) -> Iterator[ast.expr | ast.Return]:
    """Yield the nodes that may be changed: no annotations, no type checking, no text."""
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in field if isinstance(field, list) else [field]:
            is_for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if not isinstance(child, ast.AST) or is_for_types or isinstance(child, ast.JoinedStr):
                continue
            if isinstance(child, ast.expr | ast.Return):
                yield child
            yield from _nodes(child)


def _changed(node: ast.expr | ast.Return) -> Iterator[tuple[str, ast.AST]]:
    new: ast.AST = copy.deepcopy(node)
    match node, new:
        case ast.Compare(ops=[operator]), ast.Compare():
            new.ops = [COMPARISONS[type(operator)]()]
            yield "comparison", new
        case ast.BinOp(op=operator), ast.BinOp() if type(operator) in ARITHMETIC:
            if not any(isinstance(part, ast.Constant | ast.JoinedStr) and _is_text(part)
                       for part in (node.left, node.right)):  # fmt: skip
                new.op = ARITHMETIC[type(operator)]()
                yield "arithmetic", new
        case ast.BoolOp(op=operator), ast.BoolOp():
            new.op = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "boolean", new
        case ast.UnaryOp(op=ast.Not()), ast.UnaryOp():
            yield "boolean", new.operand
        case ast.Constant(value=bool(value)), ast.Constant():
            new.value = not value
            yield "constant", new
        case ast.Constant(value=int() | float() as value), ast.Constant():
            new.value = value + 1 if isinstance(value, int) else value * 2 + 0.1
            yield "constant", new
        case ast.Return(value=ast.expr() as value), ast.Return():
            if not (isinstance(value, ast.Constant) and value.value is None):
                new.value = ast.Constant(None)
                yield "return", new


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str | bytes)
