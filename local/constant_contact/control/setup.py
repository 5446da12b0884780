"""`/_simulator/`: apps, accounts, contacts, grants and the clock, as a test or a stand needs them."""

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from local.constant_contact.accounts import LISTS_AN_ACCOUNT, Account, ContactList, Role, User
from local.constant_contact.clock import iso
from local.constant_contact.contacts import UNSUBSCRIBED
from local.constant_contact.errors import ApiError
from local.constant_contact.oauth.grants import LOOPBACK_REDIRECTS, SCOPES, App, Grant
from local.constant_contact.state import LOCAL_ACCOUNT_ID, State


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AppBody(_Body):
    """An app to register; without a secret it is public and must use PKCE."""

    client_id: str = Field(min_length=1)
    client_secret: str | None = None
    redirect_uris: tuple[str, ...] = LOOPBACK_REDIRECTS
    refresh_tokens: Literal["rotating", "long_lived"] = "rotating"


class ListBody(_Body):
    """A list of a new account; without an id it gets one."""

    name: str
    list_id: str | None = None


class AddedListBody(_Body):
    """A list to add to an account, without a call of the API; or `count` of them, called `<name> 1`, `<name> 2` …"""

    account_id: str = LOCAL_ACCOUNT_ID
    name: str
    count: int | None = Field(default=None, ge=1, le=LISTS_AN_ACCOUNT)


class UserBody(_Body):
    """A user of a new account."""

    user_id: str
    email: str
    role: Role = Role.ACCOUNT_OWNER


class AccountBody(_Body):
    """An account to create, with its users and lists."""

    account_id: str = Field(min_length=1)
    organization_name: str
    users: list[UserBody] = Field(min_length=1)
    lists: list[ListBody] = []


class ContactBody(_Body):
    """A contact to create or change. Those unsubscribed or deleted are on no list."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    permission: Literal["explicit", "implicit", "not_set", "pending_confirmation", "temp_hold", "unsubscribed"] = (
        "implicit"
    )
    list_ids: tuple[str, ...] = ()
    left_list_ids: tuple[str, ...] = ()
    deleted: bool = False


class ContactsBody(_Body):
    """Contacts to create or change in an account."""

    account_id: str = LOCAL_ACCOUNT_ID
    contacts: list[ContactBody]


class ClockBody(_Body):
    """How far to move the clock forward."""

    advance_seconds: float = Field(ge=0)


class CallsBody(_Body):
    """How many calls an API key is to have made since 00:00 UTC."""

    client_id: str
    calls: int = Field(ge=0)


class RefreshTokenBody(_Body):
    """A refresh token to look at without using it."""

    refresh_token: str


class GrantBody(_Body):
    """Whose consent to take for granted."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...] = ("account_read", "contact_data", "offline_access")


def setup_routes(state: State) -> APIRouter:
    """Create and change what the simulated service holds."""
    router = APIRouter(prefix="/_simulator")

    @router.post("/apps", status_code=201)
    async def register_app(body: AppBody) -> dict[str, Any]:
        with state.lock:
            state.grants.register(App(**body.model_dump()))
        return body.model_dump()

    @router.post("/accounts", status_code=201)
    async def create_account(body: AccountBody) -> dict[str, Any]:
        account = Account(body.account_id, body.organization_name, body.users[0].email)
        with state.lock:
            if body.account_id in state.accounts or any(user.user_id in state.users for user in body.users):
                raise HTTPException(409, "The account or one of its users exists already.")
            try:
                for wanted in body.lists:
                    contact_list = ContactList(wanted.name, state.clock.now())
                    contact_list.list_id = wanted.list_id or contact_list.list_id
                    account.add_list(contact_list)
            except ApiError as error:
                raise HTTPException(error.status, error.body) from error
            state.accounts[account.account_id] = account
            for user in body.users:
                state.users[user.user_id] = User(user.user_id, account.account_id, user.email, user.role)
        return {
            "account_id": account.account_id,
            "lists": [{"list_id": known.list_id, "name": known.name} for known in account.lists.values()],
        }

    @router.post("/lists", status_code=201)
    async def add_list(body: AddedListBody) -> dict[str, str]:
        account = state.accounts.get(body.account_id)
        if account is None:
            raise HTTPException(404, f"There is no account {body.account_id!r}.")
        names = [f"{body.name} {number}" for number in range(1, body.count + 1)] if body.count else [body.name]
        with state.lock:
            for name in names:
                added = ContactList(name, state.clock.now())
                try:
                    account.add_list(added)
                except ApiError as error:
                    raise HTTPException(error.status, error.body) from error
        return {"list_id": added.list_id}

    @router.post("/contacts", status_code=201)
    async def seed_contacts(body: ContactsBody) -> dict[str, int]:
        account = state.accounts.get(body.account_id)
        if account is None:
            raise HTTPException(404, f"There is no account {body.account_id!r}.")
        with state.lock:
            for wanted in body.contacts:
                if unknown := {*wanted.list_ids, *wanted.left_list_ids} - account.lists.keys():
                    raise HTTPException(404, f"The account has no list {', '.join(sorted(unknown))}.")
                _seed(account, wanted, state.clock.now())
        return {"contacts": len(body.contacts)}

    @router.post("/clock")
    async def advance_clock(body: ClockBody) -> dict[str, str]:
        state.advance_clock(body.advance_seconds)
        return {"now": iso(state.clock.now())}

    @router.post("/calls-today")
    async def set_calls_today(body: CallsBody) -> dict[str, int]:
        with state.lock:
            if body.client_id not in state.grants.apps:
                raise HTTPException(404, f"There is no app {body.client_id!r}.")
            state.limits.set_calls_today(body.client_id, body.calls)
            return dict(state.limits.calls_today())

    @router.post("/grants", status_code=201)
    async def give_consent(body: GrantBody) -> dict[str, str | int]:
        with state.lock:
            user = state.users.get(body.user_id)
            if body.client_id not in state.grants.apps or user is None or not set(body.scopes) <= set(SCOPES):
                raise HTTPException(400, "client_id, user_id or scopes are unknown; see GET /_simulator/.")
            return state.grants.grant(Grant(body.client_id, user, body.scopes)).as_json()

    @router.post("/refresh-tokens")
    async def look_at_refresh_token(body: RefreshTokenBody) -> dict[str, bool]:
        with state.lock:
            return {"taken": state.grants.takes(body.refresh_token)}

    return router


def _seed(account: Account, wanted: ContactBody, now: float) -> None:
    contacts = account.contacts
    contact = contacts.by_email.get(wanted.email.lower()) or contacts.add(wanted.email, wanted.permission, now)
    contact.permission = wanted.permission
    contact.first_name, contact.last_name = wanted.first_name, wanted.last_name
    contact.deleted_at = now if wanted.deleted else None
    contact.updated_at = now
    for list_id in contact.list_ids:
        account.lists[list_id].members.pop(contact.number)
    out = wanted.deleted or wanted.permission == UNSUBSCRIBED
    contact.list_ids = () if out else tuple(dict.fromkeys(wanted.list_ids))
    for list_id in contact.list_ids:
        account.lists[list_id].members[contact.number] = None
    contact.left_list_ids = wanted.left_list_ids
