"""Connections that are being made, or signed in to again: kept until they are saved or given up."""

from __future__ import annotations

from datetime import datetime

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict, Field

from shared.documents import is_id
from shared.errors import NotFound
from shared.models import ConstantContactAccount, Sharing
from shared.tables import DocumentTable, Key, Stored

_PARTITION = "draft"
_ANY_VERSION = "*"


class Draft(BaseModel):
    """What somebody has entered, and how far they are with signing in.

    It belongs to the person who began it (`owner_id`). The tokens of its newest sign-in are in Key Vault, in the secret
    `secret_name`: each sign-in has one of its own, which stays the connection's once it is saved; those of the sign-ins
    before are `earlier_secrets`. Of the `state` that went to the browser only the digest is kept; it and the `verifier`
    (PKCE) are there from the way to Constant Contact until the way back. Once Save has begun to write the connection it
    is `being_saved`.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    owner_id: str
    connection_id: str | None = Field(default=None, description="the connection to be signed in to again")
    display_name: str = ""
    sharing: Sharing = "administrators"
    name_before: str | None = Field(default=None, description="of the connection, when signing in again began")
    sharing_before: Sharing | None = Field(default=None, description="of the connection, when signing in again began")
    consented_version: str | None = None
    export_user: str | None = None
    export_user_id: str | None = None
    secret_name: str = ""
    earlier_secrets: tuple[str, ...] = ()
    being_saved: bool = False
    account: ConstantContactAccount | None = None
    account_id_before: str | None = Field(default=None, description="the account that the connection had, as shown")
    problems: tuple[str, ...] = Field(default=(), description="codes of what went wrong with signing in")
    created_at: datetime
    signed_in_at: datetime | None = None
    state_digest: str | None = Field(default=None, repr=False)
    verifier: str | None = Field(default=None, repr=False)

    @property
    def saved_as(self) -> str:
        """The id of the connection that it becomes, or that it signs in to again."""
        return self.connection_id or self.id

    @property
    def other_account(self) -> bool:
        """Whether it is not the account that the connection had before: the person is warned then."""
        return self.account is not None and self.account_id_before not in (None, self.account.id)

    @property
    def signed_in(self) -> bool:
        """Whether the sign-in to Constant Contact went through, with all that exports need."""
        return self.signed_in_at is not None and not self.problems


class DraftGone(NotFound):
    """There is no such draft any more for this person: it was saved, given up, or is older than an hour.

    A connection that was made of it has its id, `draft_id`.
    """

    def __init__(self, draft_id: str) -> None:
        super().__init__(
            "There is no such unsaved connection. It was saved or given up, or an hour has passed since it was begun. "
            "If it is not in the list, begin again."
        )
        self.draft_id = draft_id


class Drafts:
    """The table `Drafts`: one partition, there are never more than a few."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, Draft)

    def add(self, draft: Draft) -> None:
        """Keep a new one."""
        self._table.insert(self._key(draft.id), draft)

    def stored(self, draft_id: str) -> Stored[Draft]:
        """The one with this id, and its ETag.

        Raises:
            DraftGone: there is none.
        """
        stored = self._table.get(self._key(draft_id)) if is_id(draft_id) else None
        if stored is None:
            raise DraftGone(draft_id)
        return stored

    def replace(self, draft: Draft, etag: str) -> Stored[Draft]:
        """Write the draft over the version that `etag` names.

        Raises:
            Conflict: it was changed or removed since it was read.
        """
        return self._table.replace(self._key(draft.id), draft, etag)

    def remove(self, draft_id: str, etag: str = _ANY_VERSION) -> None:
        """Remove it, whatever it says by now or in the version that `etag` names; one that is gone is no error.

        Raises:
            Conflict: it is no longer the version that `etag` names.
        """
        self._table.remove(self._key(draft_id), etag)

    def all(self) -> list[Stored[Draft]]:
        """Every draft that can be read, of whomever."""
        return list(self._table.readable(_PARTITION))

    def _key(self, draft_id: str) -> Key:
        return Key(_PARTITION, draft_id)
