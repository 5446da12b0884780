"""`/_simulator/`: what exists, what was called, and who is on a list."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse

from local.constant_contact.accounts import Account
from local.constant_contact.clock import iso
from local.constant_contact.oauth.authorize_page import AUTHORIZE_PATH
from local.constant_contact.oauth.token_endpoint import TOKEN_PATH
from local.constant_contact.state import State

MEMBERS_A_CHUNK = 2_000
MEMBER_HEADINGS = ("email", "first_name", "last_name", "list_ids")


def observation_routes(state: State) -> APIRouter:
    """Overview, statistics and the members of a list."""
    router = APIRouter(prefix="/_simulator")

    @router.get("/")
    async def overview() -> dict[str, Any]:
        with state.lock:
            return {
                "now": iso(state.clock.now()),
                "authorize_path": AUTHORIZE_PATH,
                "token_path": TOKEN_PATH,
                "apps": [
                    {
                        "client_id": app.client_id,
                        "client_secret": app.client_secret,
                        "redirect_uris": app.redirect_uris,
                        "refresh_tokens": app.refresh_tokens,
                    }
                    for app in state.grants.apps.values()
                ],
                "accounts": [_account(state, account) for account in state.accounts.values()],
            }

    @router.get("/statistics")
    async def statistics() -> dict[str, Any]:
        with state.lock:
            return {
                **state.statistics.as_json(),
                "calls_today": dict(state.limits.calls_today()),
                "calls_over_the_quota": state.limits.calls_over_the_quota,
                "contacts_imported_more_than_once": sum(
                    len(account.contacts.imported_again) for account in state.accounts.values()
                ),
            }

    @router.get("/issued")
    async def issued() -> list[str]:
        """Every code and token that was ever given out: what must be in no log."""
        with state.lock:
            return list(state.grants.issued)

    @router.post("/reset-statistics", status_code=204)
    async def reset_statistics() -> None:
        with state.lock:
            state.statistics.reset()
            state.limits.calls_over_the_quota = 0
            for account in state.accounts.values():
                account.contacts.forget_imported()

    @router.get("/lists/{list_id}/members.csv")
    async def members(list_id: str) -> StreamingResponse:
        with state.lock:
            for account in state.accounts.values():
                if list_id in account.lists:
                    numbers = list(account.lists[list_id].members)
                    return StreamingResponse(_members_csv(account, numbers), media_type="text/csv")
        raise HTTPException(404, f"No account has a list {list_id}.")

    return router


def _account(state: State, account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "organization_name": account.organization_name,
        "contacts": len(account.contacts.in_order),
        "queued_activities": account.queued_activities(),
        "users": [
            {"user_id": user.user_id, "email": user.email, "role": user.role.value}
            for user in state.users.values()
            if user.account_id == account.account_id
        ],
        "lists": [
            {"list_id": known.list_id, "name": known.name, "members": len(known.members)}
            for known in account.lists.values()
        ],
    }


def _members_csv(account: Account, numbers: list[int]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(MEMBER_HEADINGS)
    for start in range(0, len(numbers), MEMBERS_A_CHUNK):
        for number in numbers[start : start + MEMBERS_A_CHUNK]:
            contact = account.contacts.in_order[number]
            names = (contact.first_name or "", contact.last_name or "")
            writer.writerow((contact.email, *names, ";".join(contact.list_ids)))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()
