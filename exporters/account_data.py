"""What a form shows of a connection's account: its lists and its custom fields, from a short memory.

The memory is the process's own and a minute long. Kept in storage it would need a place that is cleaned up after every
connection, and would still be a minute old; what it costs to have one in each process is a call or two of the day's
9,900. A list that was made elsewhere in that minute is seen by a refresh (`fresh`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from exporters.accounts import mark_broken
from exporters.budget import are_used_up
from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import ConstantContactError, Refused, SignInAgain, Unclear, without_addresses
from exporters.services import Services
from shared.errors import Conflict, Invalid, Unavailable, Wait
from shared.models import Connection

Answer = TypeVar("Answer")

LONGEST_NAME = 255
"""Characters of a list's name (V3 specification, "Create a List")."""

_KEPT = timedelta(minutes=1)


@dataclass(frozen=True)
class ListChoice:
    """A list that an export can fill; `members` is None where Constant Contact does not say."""

    id: str
    name: str
    members: int | None


@dataclass(frozen=True)
class CustomField:
    """A field of the account's own: imports call it `cf:<name>`, people by its label."""

    name: str
    label: str
    type: str


@dataclass(frozen=True)
class AccountLists:
    """Every list of the account by name, as it was at `read_at`."""

    lists: tuple[ListChoice, ...]
    read_at: datetime


def lists(services: Services, connection: Connection, *, fresh: bool = False) -> AccountLists:
    """The lists of the connection's account, at most a minute old; `fresh` asks Constant Contact again.

    Raises:
        ConstantContactError: it refuses, or somebody has to sign in again (SignInAgain).
        Unavailable: it is busy or away, or the day's calls are used up; the message says so.
    """

    def ask(account: Account) -> tuple[ListChoice, ...]:
        found = [ListChoice(one.list_id, one.name, one.membership_count) for one in account.contact_lists()]
        return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.id)))

    return AccountLists(*_remembered("lists", services, connection, ask, fresh=fresh))


def custom_fields(services: Services, connection: Connection, *, fresh: bool = False) -> tuple[CustomField, ...]:
    """The account's custom fields by label; raises what `lists` does."""

    def ask(account: Account) -> tuple[CustomField, ...]:
        found = [CustomField(one.name, one.label or one.name, one.type) for one in account.custom_fields()]
        return tuple(sorted(found, key=lambda one: (one.label.casefold(), one.name)))

    known, _ = _remembered("custom fields", services, connection, ask, fresh=fresh)
    return known


def create_list(services: Services, connection: Connection, name: str) -> ListChoice:
    """Make a list in the account, never twice.

    Raises what `lists` does, and:
        Invalid: the name cannot be one, or the account has as many lists as it may.
        Conflict: there is a list of this name.
    """
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > LONGEST_NAME:
        raise Invalid(f"A list's name has 1 to {LONGEST_NAME} characters.")
    shown = without_addresses(wanted)
    try:
        made = _ask(services, connection, lambda account: account.create_list(wanted))
    except Refused as error:
        if error.status == HTTPStatus.CONFLICT:
            raise Conflict(f"The account has a list “{shown}” already. Choose it from the lists.") from error
        if error.status == HTTPStatus.BAD_REQUEST:
            raise Invalid(f"Constant Contact did not make the list “{shown}”: {error.text}") from error
        raise
    except Unavailable as error:
        if not isinstance(error.__cause__, Unclear):
            raise
        raise Unavailable(
            f"It is not known whether the list “{shown}” was made: {error.__cause__}. "
            "Look at the lists again before you make it once more."
        ) from error
    finally:
        services.memory.forget(_key("lists", connection))
    return ListChoice(made.list_id, made.name or wanted, made.membership_count or 0)


def _remembered(
    what: str, services: Services, connection: Connection, ask: Callable[[Account], Answer], *, fresh: bool
) -> tuple[Answer, datetime]:
    """What is known of the account, at most a minute old, and since when."""
    return services.memory.recall(
        _key(what, connection),
        lambda: _ask(services, connection, ask),
        now=services.now(),
        most=_KEPT,
        fresh=fresh,
    )


def _key(what: str, connection: Connection) -> tuple[object, ...]:
    """A connection that was signed in anew may be to another account: what was known of it is not asked for again."""
    return what, connection.id, connection.signed_in_at, connection.account


def _ask(services: Services, connection: Connection, ask: Callable[[Account], Answer]) -> Answer:
    """The answer, or an error for a person who waits for it; nothing is waited for longer than a slot of the limit."""
    try:
        return ask(services.account(connection))
    except SignInAgain as error:
        mark_broken(services, connection, error)
        raise
    except Refused:
        raise
    except (Wait, ConstantContactError) as error:
        if are_used_up(error):
            raise Unavailable("Today's calls to Constant Contact are used up until 00:00 UTC.") from error
        reason = error.reason if isinstance(error, Wait) else str(error)
        raise Unavailable(f"Constant Contact is busy or away: {reason}. Try again in a moment.") from error
