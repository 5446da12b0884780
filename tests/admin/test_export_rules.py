"""Who may do what with an export, and which exports send the same profiles to the same list."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from admin.export_rules import may_edit, may_know, may_run, same_target
from shared.models import Connection, ConstantContactAccount, Export, Sharing
from shared.people import Person, Role

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LIST, OTHER_LIST = "5f2c8a10-56dd-11e9-932a-fa163ea075fa", "6f2c8a10-56dd-11e9-932a-fa163ea075fa"


def somebody(role: Role | None) -> Person:
    return Person(id="x", name="X", role=role)


def connection(name: str = "c", sharing: Sharing = "administrators", account: str | None = None) -> Connection:
    return Connection(
        id=name,
        display_name=name,
        sharing=sharing,
        secret_name=name,
        account=ConstantContactAccount(id=account, name=account) if account else None,
        created_at=NOW,
        created_by="X",
    )


def export(name: str = "e", connection_id: str | None = "c", list_id: str = LIST, *segments: str) -> Export:
    return Export(
        id=name,
        name=name,
        connection_id=connection_id,
        list_id=list_id,
        segments=segments or ("Loyal",),
        mapping={"email": "EMail"},
        created_at=NOW,
        created_by="X",
    )


SHARED, OWN = connection(sharing="administrators_and_contributors"), connection()


@pytest.mark.parametrize(
    ("role", "named", "found", "edits", "runs"),
    [
        ("Administrator", "c", OWN, True, True),
        ("Administrator", "c", SHARED, True, True),
        ("Administrator", None, None, True, False),
        ("Administrator", "c", None, True, True),
        ("Contributor", "c", OWN, False, False),
        ("Contributor", "c", SHARED, True, True),
        ("Contributor", None, None, True, False),
        # It is not there, or cannot be read: nobody knows whether it was shared.
        ("Contributor", "c", None, False, False),
        ("Viewer", "c", SHARED, False, False),
        ("Viewer", None, None, False, False),
        (None, "c", SHARED, False, False),
    ],
)
def test_a_role_and_the_sharing_of_the_connection_say_who_may_edit_and_run(
    role: Role | None, named: str | None, found: Connection | None, edits: bool, runs: bool
) -> None:
    person, one = somebody(role), export(connection_id=named)
    assert (may_edit(person, one, found), may_run(person, one, found)) == (edits, runs)


@pytest.mark.parametrize(
    ("role", "own", "shared"),
    [("Administrator", True, True), ("Contributor", False, True), ("Viewer", False, False), (None, False, False)],
)
def test_who_may_know_of_a_connection(role: Role | None, own: bool, shared: bool) -> None:
    assert (may_know(somebody(role), OWN), may_know(somebody(role), SHARED)) == (own, shared)


def warned_of(others: list[Export], *connections: Connection, **changes: object) -> list[str]:
    asked = {"export_id": "e", "list_id": LIST, "segments": ("Loyal", "New"), "connection_id": "c", **changes}
    found = same_target(others, {one.id: one for one in connections}, **asked)  # type: ignore[arg-type]
    return [one.id for one in found]


def test_another_export_of_one_of_the_segments_to_the_same_list_is_warned_of() -> None:
    others = [export("same"), export("all", "c", LIST, "New", "Old"), export("none", "c", LIST, "Old")]
    assert warned_of(others) == ["same", "all"]


def test_neither_another_list_nor_the_export_itself_is_warned_of() -> None:
    assert warned_of([export("e"), export("other", "c", OTHER_LIST)]) == []


def test_two_connections_to_one_account_have_the_same_lists_and_two_accounts_have_not() -> None:
    others = [export("there", "d")]
    assert warned_of(others, connection("c", account="one"), connection("d", account="one")) == ["there"]
    assert warned_of(others, connection("c", account="one"), connection("d", account="two")) == []
    assert warned_of(others, connection("c", account="one"), connection("d")) == ["there"]
