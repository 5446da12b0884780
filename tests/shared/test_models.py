"""What people make: connections and exports, with names of a sensible length."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.models import Connection, Export

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def connection(name: str, **more: object) -> Connection:
    given = {"id": "c", "display_name": name, "secret_name": "secret", "created_at": NOW, "created_by": "test"}
    return Connection.model_validate({**given, **more})


def export(name: str, **more: object) -> Export:
    return Export.model_validate(
        {
            "id": "e",
            "name": name,
            "connection_id": "connection",
            "list_id": "list",
            "segments": ["Loyal"],
            "mapping": {"email": "EMail"},
            "created_at": NOW,
            "created_by": "test",
            **more,
        }
    )


def test_a_new_connection_is_for_administrators_and_without_consent() -> None:
    made = connection("  Shop  ")
    assert (made.display_name, made.sharing, made.consent, made.export_user) == ("Shop", "administrators", None, None)


def test_a_new_export_follows_every_refresh() -> None:
    assert export("Newsletter").schedule == "every_refresh"


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_name_has_one_to_a_hundred_characters(name: str) -> None:
    with pytest.raises(ValueError, match="display_name"):
        connection(name)
    with pytest.raises(ValueError, match="name"):
        export(name)


def test_a_name_of_a_hundred_characters_is_taken() -> None:
    assert connection("x" * 100).display_name == export("x" * 100).name


def test_a_name_of_one_character_is_taken() -> None:
    assert connection("x").display_name == export(" x ").name == "x"


@pytest.mark.parametrize("sharing", ["administrators", "administrators_and_contributors"])
def test_a_connection_is_for_administrators_or_for_contributors_too(sharing: str) -> None:
    assert connection("Shop", sharing=sharing).sharing == sharing
    with pytest.raises(ValidationError):
        connection("Shop", sharing=f"{sharing}_and_others")


@pytest.mark.parametrize("schedule", ["every_refresh", "off"])
def test_an_export_follows_every_refresh_or_none(schedule: str) -> None:
    assert export("Newsletter", schedule=schedule).schedule == schedule
    with pytest.raises(ValidationError):
        export("Newsletter", schedule=f"{schedule}s")


def test_a_connection_says_whether_exports_can_use_it() -> None:
    account = {"account": {"id": "a", "name": "Local Company"}}
    assert connection("Shop").state == "not_connected"
    assert connection("Shop", **account).state == "connected"
    assert connection("Shop", **account, sign_in_again="it is broken").state == "sign_in_again"
