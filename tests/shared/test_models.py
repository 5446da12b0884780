"""What people make: connections and exports, with names of a sensible length."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.models import Connection, Export, Schedule

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
    assert export("Newsletter").schedule == Schedule(active=True, recurrence="every_refresh")


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


DAILY = {"recurrence": "daily", "times": ["18:00", "06:05", "18:00"], "time_zone": "Europe/Rome"}
WEEKLY = DAILY | {"recurrence": "weekly", "days": ["sunday", "monday"]}


def test_the_times_and_days_of_a_schedule_are_in_their_order_and_there_once() -> None:
    schedule = Schedule.model_validate(WEEKLY)
    assert schedule.times == ("06:05", "18:00")
    assert schedule.days == ("monday", "sunday")


def test_a_schedule_that_is_off_keeps_the_rest() -> None:
    schedule = Schedule.model_validate(WEEKLY | {"active": False})
    assert (schedule.own, schedule.with_refresh) == (False, False)
    assert schedule.model_copy(update={"active": True}) == Schedule.model_validate(WEEKLY)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"recurrence": "monthly"}, "every_refresh"),
        ({"recurrence": "daily"}, "one to four times"),
        ({"times": ["06:00"]}, "one with every refresh has none"),
        ({"recurrence": "daily", "times": ["00:00", "01:00", "02:00", "03:00", "04:00"]}, "at most 4"),
        ({"recurrence": "daily", "times": ["06:03"]}, "pattern"),
        ({"recurrence": "daily", "times": ["24:00"]}, "pattern"),
        ({"recurrence": "daily", "times": ["6:00"]}, "pattern"),
        ({"recurrence": "daily", "times": ["06:00"], "days": ["monday"]}, "no other schedule has days"),
        ({"recurrence": "weekly", "times": ["06:00"]}, "one day or more"),
        ({"recurrence": "weekly", "times": ["06:00"], "days": ["mon"]}, "monday"),
        ({"time_zone": "Europe/Atlantis"}, "is not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
        ({"time_zone": "Europe"}, "is not a time zone"),
        ({"cron": "* * * * *"}, "Extra inputs"),
    ],
)
def test_a_schedule_that_could_not_be_kept_is_refused(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Schedule.model_validate(wrong)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ({}, "every_refresh"),
        ({"active": False}, "off"),
        (DAILY, "daily 06:05, 18:00 Europe/Rome"),
        (WEEKLY, "weekly monday, sunday 06:05, 18:00 Europe/Rome"),
        (WEEKLY | {"active": False}, "off: weekly monday, sunday 06:05, 18:00 Europe/Rome"),
    ],
)
def test_the_audit_names_a_schedule(schedule: dict[str, object], text: str) -> None:
    assert Schedule.model_validate(schedule).as_text() == text


def test_a_connection_says_whether_exports_can_use_it() -> None:
    account = {"account": {"id": "a", "name": "Local Company"}}
    assert connection("Shop").state == "not_connected"
    assert connection("Shop", **account).state == "connected"
    assert connection("Shop", **account, sign_in_again="it is broken").state == "sign_in_again"
