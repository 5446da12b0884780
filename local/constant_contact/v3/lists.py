"""`/contact_lists`: the lists of the account."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from local.constant_contact import errors
from local.constant_contact.accounts import ContactList
from local.constant_contact.clock import iso
from local.constant_contact.v3.bodies import json_body
from local.constant_contact.v3.gateway import Call
from local.constant_contact.v3.paging import Query, flag, next_link, page_limit, page_query

_PARAMETERS = {"limit", "include_count", "include_membership_count", "name", "status", "channel_type"}


class NewList(BaseModel):
    """The body of `POST /contact_lists`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255)
    description: str = ""
    favorite: bool = False


async def all_lists(call: Call) -> Response:
    """`GET /contact_lists`: a page of at most 1,000 lists, of that exact name if asked for."""
    query, position = page_query(call.request.query_params, _PARAMETERS)
    limit = page_limit(query, call.state.configuration.contact_lists_max_limit)
    status = query.get("status", "active")
    if status not in ("all", "active", "deleted"):
        raise errors.invalid("status must be all, active or deleted.")
    if query.get("channel_type") not in (None, "email", "sms"):
        raise errors.invalid("channel_type must be email or sms.")
    with call.state.lock:
        # Lists cannot be deleted here, so every list is an active one.
        found = [
            known
            for known in call.account.lists.values()
            if query.get("name") in (None, known.name) and status != "deleted"
        ]
        page = found[position : position + limit]
        more = position + limit if position + limit < len(found) else None
        body: dict[str, Any] = {"lists": [_as_json(call, known, query) for known in page]}
    if flag(query, "include_count"):
        body["lists_count"] = len(found)
    return JSONResponse({**body, **next_link("/v3/contact_lists", query, more)})


async def one_list(call: Call) -> Response:
    """`GET /contact_lists/{list_id}`."""
    with call.state.lock:
        known = call.account.list_called(call.request.path_params["list_id"])
        return JSONResponse(_as_json(call, known, call.request.query_params))


async def new_list(call: Call) -> Response:
    """`POST /contact_lists`: 201, or 409 when the name is taken."""
    asked = await json_body(call.request, NewList)
    contact_list = ContactList(asked.name, call.state.clock.now(), asked.description, asked.favorite)
    with call.state.lock:
        call.account.add_list(contact_list)
        return JSONResponse(_as_json(call, contact_list, {}), 201)


def _as_json(call: Call, contact_list: ContactList, query: Query) -> dict[str, Any]:
    created_at = iso(contact_list.created_at)
    body: dict[str, Any] = {
        "list_id": contact_list.list_id,
        "name": contact_list.name,
        "description": contact_list.description,
        "favorite": contact_list.favorite,
        "created_at": created_at,
        "updated_at": created_at,
    }
    counted = query.get("include_membership_count")
    if counted not in (None, "all", "active"):
        raise errors.invalid("include_membership_count must be all or active.")
    if counted:
        lag = call.state.configuration.membership_count_lag_seconds
        body["membership_count"] = contact_list.membership_count(call.state.clock.now(), lag)
    return body
