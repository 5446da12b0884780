"""The way back through pages that can only be read forwards."""

from __future__ import annotations

from admin.pages.turning import Way, ways


def turned(way: Way, following: str | None) -> dict[str, Way]:
    """The ways from the page that `way` leads to, behind which `following` begins."""
    return ways(way["after"], way["passed"], following)


def test_a_list_of_one_page_is_not_turned() -> None:
    assert ways(None, None, None) == {}


def test_every_page_is_come_back_to_by_the_way_that_was_come() -> None:
    there = [ways(None, None, "p2")]
    for following in ("p3", "p4", None):
        there.append(turned(there[-1]["older"], following))
    assert [sorted(one) for one in there] == [
        ["older"],
        ["newer", "older"],
        ["newer", "newest", "older"],
        ["newer", "newest"],
    ]
    back = turned(there[3]["newer"], "p4")
    assert back == there[2]
    assert turned(back["newer"], "p3") == there[1]
    assert there[1]["newer"] == there[3]["newest"] == {"after": None, "passed": None}


def test_the_address_does_not_grow_for_ever() -> None:
    page = ways(None, None, "page-2")
    for number in range(3, 500):
        page = turned(page["older"], f"page-{number}")
    passed = page["older"]["passed"] or ""
    assert len(passed) < 2_000
    assert passed.endswith("page-498")


def test_behind_the_pages_that_are_remembered_only_the_newest_is_left() -> None:
    there = [ways(None, None, "p2")]
    for number in range(3, 100):
        there.append(turned(there[-1]["older"], f"p{number}"))
    page, number = there[-1], 98
    while "newer" in page:
        page = turned(page["newer"], f"p{number}")
        number -= 1
    assert 30 < number < 45
    assert page["newest"] == {"after": None, "passed": None}
    assert page["older"]["after"] == there[number - 1]["older"]["after"]
