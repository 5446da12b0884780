"""Drafts are found by their ids, never overwritten unseen, and show nothing that is secret."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from azure.data.tables import TableServiceClient

from local.azurite import Azurite
from shared.documents import new_id
from shared.drafts import Draft, Drafts
from shared.errors import Conflict, NotFound
from shared.models import ConstantContactAccount

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def drafts(azurite: Azurite) -> Iterator[Drafts]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield Drafts(service.create_table(f"Drafts{uuid.uuid4().hex[:10]}"))


def draft(**changes: object) -> Draft:
    return Draft.model_validate({"id": new_id(), "owner_id": "ada", "created_at": NOW, **changes})


def test_a_draft_comes_back_as_it_was_added(drafts: Drafts) -> None:
    one = draft(state_digest="digest", verifier="verifier", token_digest="token")
    drafts.add(one)
    assert drafts.stored(one.id).value == one
    assert [stored.value for stored in drafts.all()] == [one]


@pytest.mark.parametrize("odd", ["", "a/b", "nobody-made-this", "x" * 65])
def test_what_nobody_began_is_not_found(drafts: Drafts, odd: str) -> None:
    with pytest.raises(NotFound):
        drafts.stored(odd)


def test_of_two_who_write_the_same_version_one_is_told(drafts: Drafts) -> None:
    one = draft()
    drafts.add(one)
    stored = drafts.stored(one.id)
    drafts.replace(one.model_copy(update={"display_name": "First"}), stored.etag)
    with pytest.raises(Conflict):
        drafts.replace(one.model_copy(update={"display_name": "Second"}), stored.etag)
    assert drafts.stored(one.id).value.display_name == "First"


def test_a_draft_is_removed_whatever_it_says_by_now(drafts: Drafts) -> None:
    one = draft()
    drafts.add(one)
    drafts.replace(one.model_copy(update={"display_name": "Other"}), drafts.stored(one.id).etag)
    drafts.remove(one.id)
    drafts.remove(one.id)
    assert drafts.all() == []


def test_what_is_secret_is_not_printed() -> None:
    shown = repr(draft(state_digest="first-secret", verifier="second-secret"))
    assert "first-secret" not in shown
    assert "second-secret" not in shown


def test_a_draft_is_signed_in_once_the_tokens_of_its_account_are_kept_and_nothing_is_wrong() -> None:
    account = ConstantContactAccount(id="a", name="A")
    assert draft(account=account, signed_in_at=NOW).signed_in
    assert not draft(account=account).signed_in
    assert not draft(account=account, signed_in_at=NOW, problems=("refused",)).signed_in


def test_a_row_that_cannot_be_read_hides_no_other(drafts: Drafts) -> None:
    drafts.add(draft(display_name="Shop"))
    drafts._table._client.create_entity({"PartitionKey": "draft", "RowKey": "0", "document": "{}"})
    assert [stored.value.display_name for stored in drafts.all()] == ["Shop"]


def test_a_draft_becomes_the_connection_with_its_id_or_the_one_that_is_signed_in_to_again() -> None:
    new = draft()
    assert new.saved_as == new.id
    assert draft(connection_id="shop").saved_as == "shop"


def test_a_draft_that_was_changed_meanwhile_is_not_removed(drafts: Drafts) -> None:
    one = draft()
    drafts.add(one)
    read = drafts.stored(one.id)
    drafts.replace(one.model_copy(update={"display_name": "Other"}), read.etag)
    with pytest.raises(Conflict):
        drafts.remove(one.id, read.etag)
    drafts.remove(one.id, drafts.stored(one.id).etag)
    assert drafts.all() == []
