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

    It belongs to the person who began it (`owner_id`). Its tokens are in Key Vault, in the secret `secret_name`, and
    `token_digest` tells whether those there are the ones of `account`. Of the `state` that went to the browser only
    the digest is kept; it and the `verifier` (PKCE) are there from the way to Constant Contact until the way back.
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
    account: ConstantContactAccount | None = None
    other_account: bool = Field(default=False, description="not the account that the connection had before")
    problems: tuple[str, ...] = Field(default=(), description="codes of what went wrong with signing in")
    created_at: datetime
    signed_in_at: datetime | None = None
    state_digest: str | None = Field(default=None, repr=False)
    verifier: str | None = Field(default=None, repr=False)
    token_digest: str | None = Field(default=None, repr=False)

    @property
    def secret_name(self) -> str:
        """The secret that holds its tokens."""
        return f"draft-{self.id}"

    @property
    def signed_in(self) -> bool:
        """Whether the sign-in to Constant Contact went through, with all that exports need."""
        return self.account is not None and self.token_digest is not None and not self.problems


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
            NotFound: there is none.
        """
        stored = self._table.get(self._key(draft_id)) if is_id(draft_id) else None
        if stored is None:
            raise NotFound("There is no such unsaved connection. It may have been saved, or given up; begin again.")
        return stored

    def replace(self, draft: Draft, etag: str) -> Stored[Draft]:
        """Write the draft over the version that `etag` names.

        Raises:
            Conflict: it was changed or removed since it was read.
        """
        return self._table.replace(self._key(draft.id), draft, etag)

    def remove(self, draft_id: str) -> None:
        """Remove it, whatever it says by now; one that is gone already is no error."""
        self._table.remove(self._key(draft_id), _ANY_VERSION)

    def all(self) -> list[Stored[Draft]]:
        """Every draft that can be read, of whomever."""
        return list(self._table.readable(_PARTITION))

    def _key(self, draft_id: str) -> Key:
        return Key(_PARTITION, draft_id)
