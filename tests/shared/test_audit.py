"""The audit log tells of every change once, month by month, the newest first."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from local.azurite import Azurite
from shared.audit import AuditEntry, AuditLog, month_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def log(azurite: Azurite) -> Iterator[AuditLog]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield AuditLog(service.create_table(f"Audit{uuid.uuid4().hex[:10]}"))


def entry(**changes: object) -> AuditEntry:
    facts = {
        "at": NOON,
        "by": "Ada",
        "by_id": "ada",
        "action": "changed",
        "subject": "connection",
        "subject_id": "shop",
        "subject_name": "Shop",
        **changes,
    }
    return AuditEntry.model_validate(facts)


def test_an_entry_comes_back_as_it_was_written(log: AuditLog) -> None:
    written = entry(before={"display_name": "Shop"}, after={"display_name": "Store"})
    log.write(written)
    assert log.month("2026-11") == [written]


def test_entries_are_listed_newest_first_whatever_the_order_in_which_they_were_written(log: AuditLog) -> None:
    moments = [NOON + timedelta(seconds=seconds) for seconds in (3, 0, 100_000, 1, 2)]
    for at in moments:
        log.write(entry(at=at))
    assert [one.at for one in log.month("2026-11")] == sorted(moments, reverse=True)


def test_a_month_holds_its_own_entries_only(log: AuditLog) -> None:
    last, first = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    for at in (last, first):
        log.write(entry(at=at))
    assert [one.at for one in log.month("2026-11")] == [last]
    assert [one.at for one in log.month("2026-12")] == [first]
    assert log.month("2027-01") == []
    assert (month_of(last), month_of(first)) == ("2026-11", "2026-12")


def test_what_was_cut_short_and_is_done_again_is_told_once_as_it_was_first(log: AuditLog) -> None:
    first = entry(action="signed in", before={"account": "Old"})
    log.write(first)
    log.write(entry(action="signed in"))
    assert log.month("2026-11") == [first]


@pytest.mark.parametrize(
    "other",
    [
        {"by_id": "bo"},
        {"action": "removed"},
        {"subject": "export"},
        {"subject_id": "store"},
        {"at": NOON + timedelta(microseconds=1)},
    ],
)
def test_different_changes_at_the_same_moment_are_all_told(log: AuditLog, other: dict[str, object]) -> None:
    log.write(entry())
    log.write(entry(**other))
    assert len(log.month("2026-11")) == 2


def test_an_entry_that_a_newer_version_wrote_hides_no_other(log: AuditLog) -> None:
    log.write(entry())
    newer = {"PartitionKey": month_of(NOON), "RowKey": "0", "document": '{"action": "paused"}'}
    log._table._client.create_entity(newer)
    assert [one.action for one in log.month(month_of(NOON))] == ["changed"]
