"""Who a request's headers name: only what the platform says is believed, and what cannot be read names nobody."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.people import PRINCIPAL_HEADER, ROLES, Person, Role, person_of

OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
LONG_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


def header(*claims: tuple[str, str], **more: Any) -> dict[str, str]:
    """The header that the platform makes of these claims."""
    principal = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in claims], **more}
    return {PRINCIPAL_HEADER: base64.b64encode(json.dumps(principal).encode()).decode()}


def asking(*claims: tuple[str, str], **more: Any) -> Person | None:
    return person_of(header(*claims, **more), trusted=True)


def with_roles(*roles: str) -> Role | None:
    found = asking((OBJECT_ID, "1"), *(("roles", role) for role in roles))
    assert found
    return found.role


def test_a_person_has_an_id_a_name_and_a_role() -> None:
    found = asking((OBJECT_ID, "1"), ("name", "Ada"), ("roles", "Contributor"))
    assert found == Person(id="1", name="Ada", role="Contributor")


def test_headers_count_only_while_the_platform_says_that_it_signs_people_in() -> None:
    assert person_of(header((OBJECT_ID, "1"), ("roles", "Administrator")), trusted=False) is None


def test_the_header_is_the_one_that_the_platform_sets() -> None:
    (given,) = header((OBJECT_ID, "1")).values()
    person = person_of({"X-MS-CLIENT-PRINCIPAL": given}, trusted=True)
    assert person == Person(id="1", name="1", role=None)


def test_without_the_header_nobody_is_signed_in() -> None:
    assert person_of({}, trusted=True) is None


@pytest.mark.parametrize(
    ("roles", "strongest"),
    [
        (["Viewer", "Administrator", "Contributor"], "Administrator"),
        (["Viewer", "Contributor"], "Contributor"),
        (["Viewer"], "Viewer"),
        (["Owner", "Viewer"], "Viewer"),
        (["Owner", "administrator", "Administrator ", "Administrators"], None),
        ([], None),
    ],
)
def test_of_several_roles_the_strongest_counts_and_unknown_ones_count_for_nothing(
    roles: list[str], strongest: Role | None
) -> None:
    assert with_roles(*roles) == strongest


def test_a_role_may_do_what_weaker_ones_may() -> None:
    may = {
        role: [least for least in ROLES if Person("1", "Ada", role).may(least)]
        for role in ("Administrator", "Contributor", "Viewer", None)
    }
    assert may == {
        "Administrator": ["Administrator", "Contributor", "Viewer"],
        "Contributor": ["Contributor", "Viewer"],
        "Viewer": ["Viewer"],
        None: [],
    }


def test_roles_are_found_under_the_long_name_of_the_claim_and_under_the_one_that_the_principal_names() -> None:
    found = [
        asking((OBJECT_ID, "1"), (LONG_ROLE, "Viewer")),
        asking((OBJECT_ID, "1"), ("app_role", "Viewer"), role_typ="app_role"),
    ]
    assert [one.role for one in found if one] == ["Viewer", "Viewer"]


def test_another_claim_with_the_name_of_a_role_gives_none() -> None:
    found = asking((OBJECT_ID, "1"), ("name", "Administrator"), ("groups", "Administrator"), role_typ=None)
    assert found == Person(id="1", name="Administrator", role=None)


def test_the_short_name_of_the_id_is_taken_too_and_without_any_id_nobody_is_signed_in() -> None:
    short = asking(("oid", "1"))
    assert short
    assert short.id == "1"
    assert asking(("name", "Ada"), ("roles", "Administrator")) is None
    assert asking((OBJECT_ID, ""), ("roles", "Administrator")) is None


def test_without_a_name_the_name_that_they_sign_in_with_stands_for_it_and_then_the_id() -> None:
    signing_in = asking((OBJECT_ID, "1"), ("preferred_username", "ada@example.com"))
    nameless = asking((OBJECT_ID, "1"))
    assert (signing_in and signing_in.name, nameless and nameless.name) == ("ada@example.com", "1")


def test_a_name_is_one_short_printable_line() -> None:
    found = asking((OBJECT_ID, "1" * 1000), ("name", "Ada\n\x1b[31m\u202e" + "a" * 1000))
    assert found
    assert found.name == "Ada[31m" + "a" * 193
    assert len(found.id) == 200


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "no base64!",
        "e30",
        encoded("no json"),
        encoded("[]"),
        encoded("null"),
        encoded('"Administrator"'),
        encoded('{"claims": {"typ": "oid", "val": "1"}}'),
        encoded('{"claims": [{"typ": "oid"}]}'),
        encoded('{"claims": [{"typ": "oid", "val": 1}]}'),
        encoded('{"claims": [null]}'),
        encoded('{"claims": [{"typ": "oid", "val": "1"}], "role_typ": 1}'),
        encoded("[" * 10_000),
        base64.b64encode(b'{"claims": [{"typ": "oid", "val": "\xff"}]}').decode(),
        "é",
    ],
)
def test_a_header_that_is_malformed_names_nobody(value: str) -> None:
    assert person_of({PRINCIPAL_HEADER: value}, trusted=True) is None


def test_a_header_that_came_twice_names_nobody() -> None:
    one = header((OBJECT_ID, "1"), ("roles", "Viewer"))[PRINCIPAL_HEADER]
    assert person_of({PRINCIPAL_HEADER: f"{one},{one}"}, trusted=True) is None


def test_a_header_larger_than_any_platform_sends_is_not_even_decoded() -> None:
    assert asking((OBJECT_ID, "1"), ("groups", "x" * 40_000))
    assert asking((OBJECT_ID, "1"), ("groups", "x" * 64_000)) is None


@given(st.text() | st.binary().map(lambda content: base64.b64encode(content).decode()))
def test_whatever_the_header_holds_it_raises_nothing(value: str) -> None:
    person_of({PRINCIPAL_HEADER: value}, trusted=True)
