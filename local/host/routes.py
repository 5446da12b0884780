"""Route templates as ASP.NET Core reads them: literals, parameters, constraints, defaults, catch-alls."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from local.host.errors import AppInvalid

Check = Callable[[str], bool]


def _integer(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[+-]?\d{1,19}", value) else None


def _between(low: int, high: int) -> Check:
    return lambda value: (number := _integer(value)) is not None and low <= number <= high


def _parses(parse: Callable[[str], object]) -> Check:
    def check(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return check


def _length(low: int, high: int | None = None) -> Check:
    return lambda value: low <= len(value) <= (low if high is None else high)


# The constraints of ASP.NET Core (RouteOptions.GetDefaultConstraintMap) that are about the text of one value.
_PLAIN: dict[str, Check] = {
    "int": _between(-(2**31), 2**31 - 1),
    "long": _between(-(2**63), 2**63 - 1),
    "bool": lambda value: value.lower() in {"true", "false"},
    "datetime": _parses(datetime.fromisoformat),
    "decimal": _parses(float),
    "double": _parses(float),
    "float": _parses(float),
    "guid": _parses(uuid.UUID),
    "alpha": lambda value: re.fullmatch("[A-Za-z]*", value) is not None,
    "required": bool,
}
_WITH_NUMBERS: dict[str, Callable[..., Check]] = {
    "minlength": lambda low: lambda value: len(value) >= low,
    "maxlength": lambda high: _length(0, high),
    "length": _length,
    "min": lambda low: _between(low, 2**63),
    "max": lambda high: _between(-(2**63), high),
    "range": _between,
}


# Stars of a catch-all, name, constraints, and a question mark or a default at the end.
_PARAMETER = re.compile(r"(\*{0,2})(\w+)((?::\w+(?:\(.+?\))?)*)(\?|=.*)?")
_CONSTRAINT = re.compile(r":(\w+)(?:\((.+?)\))?(?=:\w|$)")


@dataclass(frozen=True)
class _Parameter:
    name: str
    checks: tuple[Check, ...]
    optional: bool
    default: str | None
    catch_all: bool

    def accepts(self, value: str) -> bool:
        return all(check(value) for check in self.checks)


class RouteTemplate:
    """One template such as `exports/{id:guid}/runs/{run?}`; `where` names its owner in an AppInvalid."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self._where = where
        self._segments = [self._segment(part) for part in _split(text.strip("/"))]

    def match(self, raw_path: str) -> dict[str, str] | None:
        """Values of the parameters when the still percent-encoded path fits, else None; case does not matter."""
        path = raw_path.removeprefix("/")
        parts = path.removesuffix("/").split("/") if path.strip("/") else []
        values: dict[str, str] = {}
        for index, (pattern, parameters) in enumerate(self._segments):
            if parameters and parameters[0].catch_all:
                rest = unquote("/".join(path.split("/")[index:]))
                return self._accept(values, parameters[0], rest)
            if index >= len(parts):
                if not parameters or not (parameters[0].optional or parameters[0].default is not None):
                    return None
                if parameters[0].default is not None:
                    values[parameters[0].name] = parameters[0].default
                continue
            found = pattern.fullmatch(unquote(parts[index]))
            if found is None:
                return None
            for parameter, value in zip(parameters, found.groups(), strict=True):
                if self._accept(values, parameter, value) is None:
                    return None
        return values if len(parts) <= len(self._segments) else None

    @staticmethod
    def _accept(values: dict[str, str], parameter: _Parameter, value: str) -> dict[str, str] | None:
        if not value:
            if parameter.default is not None:
                values[parameter.name] = parameter.default
            return values
        if not parameter.accepts(value):
            return None
        values[parameter.name] = value
        return values

    def _segment(self, text: str) -> tuple[re.Pattern[str], list[_Parameter]]:
        pattern, parameters = "", []
        for literal, placeholder in re.findall(r"([^{}]+)|\{((?:[^{}]|\{\{|\}\})+)\}", text):
            if literal:
                pattern += re.escape(literal)
            else:
                parameters.append(self._parameter(placeholder.replace("{{", "{").replace("}}", "}")))
                pattern += "(.*)" if parameters[-1].catch_all else "(.+)"
        if len(parameters) > 1 and any(one.optional or one.catch_all for one in parameters):
            raise self._error(f"segment {text!r} mixes an optional or catch-all parameter with others")
        return re.compile(pattern, re.IGNORECASE | re.DOTALL), parameters

    def _parameter(self, text: str) -> _Parameter:
        found = _PARAMETER.fullmatch(text)
        if found is None:
            raise self._error(f"parameter {{{text}}} is malformed")
        stars, name, constraints, end = found.groups(default="")
        return _Parameter(
            name=name,
            checks=tuple(self._check(*one) for one in _CONSTRAINT.findall(constraints)),
            optional=end == "?",
            default=end[1:] if end.startswith("=") else None,
            catch_all=bool(stars),
        )

    def _check(self, name: str, arguments: str) -> Check:
        try:
            if name == "regex":
                expression = re.compile(arguments, re.IGNORECASE)
                return lambda value: expression.search(value) is not None
            if name in _WITH_NUMBERS:
                return _WITH_NUMBERS[name](*(int(one) for one in arguments.split(",")))
            return _PLAIN[name]
        except (KeyError, ValueError, TypeError, re.error):
            raise self._error(f"constraint {name!r} is unknown or malformed") from None

    def _error(self, problem: str) -> AppInvalid:
        return AppInvalid(f"{self._where} has the route {self.text!r}, which cannot be read: {problem}.")


def _split(text: str) -> list[str]:
    """Split at slashes outside of braces."""
    return re.findall(r"(?:\{(?:[^{}]|\{\{|\}\})*\}|[^/{])+", text)
