"""Route templates as ASP.NET Core reads them."""

from __future__ import annotations

import pytest

from local.host.errors import AppInvalid
from local.host.routes import RouteTemplate


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("exports/{id}/runs", "/EXPORTS/7/Runs", {"id": "7"}),
        ("exports/{id}/runs", "/exports/7/runs/", {"id": "7"}),
        ("exports/{id}/runs", "/exports/7", None),
        ("exports/{id}", "/exports/7/runs", None),
        ("runs/{id?}", "/runs", {}),
        ("runs/{id?}", "/runs/1", {"id": "1"}),
        ("runs/{id=latest}", "/runs", {"id": "latest"}),
        ("{*rest}", "/", {}),
        ("{*rest}", "/a/b%20c/", {"rest": "a/b c/"}),
        ("files/{**path}", "/files/a/b", {"path": "a/b"}),
        ("{name}.{kind}", "/report.csv", {"name": "report", "kind": "csv"}),
        ("a%20b", "/x", None),
        ("caf\u00e9", "/caf%C3%A9", {}),
        ("{a}", "/x%2Fy", {"a": "x/y"}),
        ("", "/", {}),
        ("", "/x", None),
    ],
)
def test_a_path_fits_a_template(template: str, path: str, values: dict[str, str] | None) -> None:
    assert RouteTemplate(template, "test").match(path) == values


@pytest.mark.parametrize(
    ("constraint", "fits", "fails"),
    [
        ("int", "-12", "twelve"),
        ("int", "2147483647", "2147483648"),
        ("long", "2147483648", "1.5"),
        ("bool", "True", "yes"),
        ("datetime", "2026-05-20", "tomorrow"),
        ("double", "1.5", "one"),
        ("guid", "11111111-1111-1111-1111-111111111111", "1111"),
        ("alpha", "abc", "ab1"),
        ("minlength(3)", "abc", "ab"),
        ("maxlength(3)", "abc", "abcd"),
        ("length(3)", "abc", "ab"),
        ("length(2,3)", "ab", "abcd"),
        ("min(5)", "5", "4"),
        ("max(5)", "5", "6"),
        ("range(1,9)", "9", "10"),
        (r"regex(^\d{{2}}:(a|b)$)", "12:a", "12:c"),
        ("int:min(3)", "3", "2"),
    ],
)
def test_a_constraint_decides_which_values_fit(constraint: str, fits: str, fails: str) -> None:
    template = RouteTemplate(f"{{value:{constraint}}}", "test")

    assert template.match(f"/{fits}") == {"value": fits}
    assert template.match(f"/{fails}") is None


def test_an_optional_parameter_with_a_constraint_may_be_absent_but_not_wrong() -> None:
    template = RouteTemplate("runs/{number:int?}", "test")

    assert template.match("/runs") == {}
    assert template.match("/runs/x") is None


@pytest.mark.parametrize("template", ["{a:prime}", "{a:length(x)}", "{a:regex([)}", "{a b}", "{a}-{b?}"])
def test_a_template_that_cannot_be_read_is_refused_with_the_function_named(template: str) -> None:
    with pytest.raises(AppInvalid, match="Function pages"):
        RouteTemplate(template, "Function pages")
