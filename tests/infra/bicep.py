"""Reads Bicep files by their syntax tree, as far as the checks need it: what is declared, and the values as written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"

_PARSER = Parser(Language(tree_sitter_bicep.language()))


@dataclass(frozen=True)
class Written:
    """An expression as it is written: a name, a call, a string with something in it."""

    text: str


@dataclass(frozen=True)
class Declared:
    """A parameter, variable, resource, module or output of a file.

    `value` is what it is declared to be: str, int, bool, None, list, dict, else `Written`. Of a resource or module in
    a loop it is that of one turn. `type` is the type with its API version of a resource, the path of a module.
    """

    file: str
    kind: str
    name: str
    value: Any
    type: str = ""
    existing: bool = False
    condition: str = ""
    looped: str = ""
    decorators: dict[str, Any] = field(default_factory=dict)

    def at(self, path: str) -> Any:
        """The value at a path of property names with dots between, None where there is nothing."""
        found = self.value
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found


def bicep_files(folder: Path) -> list[Path]:
    """Every Bicep file below the folder, in order."""
    return sorted(folder.rglob("*.bicep"))


def tree(path: Path) -> Node:
    """The root of a file's syntax tree; what cannot be read is a node that says so."""
    return _PARSER.parse(path.read_bytes()).root_node


def declared(folder: Path, kind: str | None = None) -> list[Declared]:
    """What all files declare, or those things of one kind (param, var, resource, module, output)."""
    found = [one for path in bicep_files(folder) for one in _declarations(path, folder)]
    return [one for one in found if kind in (None, one.kind)]


def resources(folder: Path, type_: str, *, existing: bool = False) -> list[Declared]:
    """The resources of a type, given without its API version."""
    kinds = declared(folder, "resource")
    return [one for one in kinds if one.type.split("@")[0] == type_ and one.existing == existing]


def resource(folder: Path, type_: str, file: str | None = None) -> Declared:
    """The only resource of a type that the folder, or a file of it, makes.

    Raises:
        AssertionError: there are none or several.
    """
    found = [one for one in resources(folder, type_) if file in (None, one.file)]
    assert len(found) == 1, f"{len(found)} resources of the type {type_}, where one is expected"
    return found[0]


def text(value: Any) -> str:
    """A value as one line of text, for messages and comparisons."""
    return value.text if isinstance(value, Written) else str(value)


def strings(value: Any) -> Iterator[str]:
    """Every string in a value, however deep, expressions among them."""
    if isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str | Written):
        yield text(value)


_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


def _declarations(path: Path, folder: Path) -> Iterator[Declared]:
    decorators: dict[str, Any] = {}
    for node in tree(path).named_children:
        if node.type == "decorators":
            decorators = dict(_decorator(one) for one in node.named_children)
        elif node.type in _KINDS:
            yield _declaration(node, path.relative_to(folder).as_posix(), decorators)
            decorators = {}


def _decorator(node: Node) -> tuple[str, Any]:
    call = node.named_children[0]
    arguments = call.named_children[1].named_children
    return _text(call.named_children[0]), _value(arguments[0]) if arguments else None


def _declaration(node: Node, file: str, decorators: dict[str, Any]) -> Declared:
    kind = _KINDS[node.type]
    children = node.children
    equals = next((at for at, one in enumerate(children) if one.type == "="), None)
    body = children[equals + 1] if equals is not None else None
    typed = kind in ("resource", "module")
    condition = looped = ""
    if body is not None and body.type == "if_statement":
        condition = _text(body.named_children[0])
        body = body.named_children[-1]
    elif body is not None and body.type == "for_statement":
        before = next(at for at, one in enumerate(body.children) if one.type == "in")
        looped = _text(body.children[before + 1])
        body = body.named_children[-1]
    return Declared(
        file=file,
        kind=kind,
        name=_text(node.named_children[0]),
        value=None if body is None else _value(body),
        type=_value(node.named_children[1]) if typed else "",
        existing=any(one.type == "existing" for one in children),
        condition=condition,
        looped=looped,
        decorators=decorators,
    )


def _value(node: Node) -> Any:
    match node.type:
        case "string" if all(one.type != "interpolation" for one in node.named_children):
            return _text(node)[1:-1].replace("\\'", "'").replace("\\$", "$")
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "null":
            return None
        case "array":
            return [_value(one) for one in node.named_children if one.type != "comment"]
        case "object":
            pairs = [one.named_children for one in node.named_children if one.type == "object_property"]
            return {_text(key).strip("'"): _value(value) for key, value in pairs}
        case _:
            return Written(_text(node))


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()
