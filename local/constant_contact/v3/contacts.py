"""`/contacts`: the contacts of the account, read only."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from starlette.responses import JSONResponse, Response

from local.constant_contact import errors
from local.constant_contact.clock import iso
from local.constant_contact.contacts import UNSUBSCRIBED, Contact
from local.constant_contact.v3.gateway import Call
from local.constant_contact.v3.paging import Query, flag, next_link, page_limit, page_query

FILTERED_LISTS = 25
STATUSES = {"all", "active", "deleted", "not_set", "pending_confirmation", "temp_hold", UNSUBSCRIBED}
INCLUDES = {"custom_fields", "list_memberships", "phone_numbers", "street_addresses", "taggings", "notes"}
PHONE_KINDS = {
    "phone": "other",
    "home_phone": "home",
    "work_phone": "work",
    "mobile_phone": "mobile",
    "other_phone": "other",
}
ADDRESS_KEYS = ("street", "street2", "city", "state", "zip", "country")
ADDRESS_KINDS = {"": "home", "home_": "home", "work_": "work", "other_": "other"}


async def all_contacts(call: Call) -> Response:
    """`GET /contacts`: a page of at most 500 contacts, filtered by email, lists (at most 25 ids) and status."""
    query, position = page_query(
        call.request.query_params, {"limit", "status", "email", "lists", "include", "include_count"}
    )
    limit = page_limit(query, 500)
    include = _words(query, "include", INCLUDES)
    with call.state.lock:
        page = list(islice(_found(call, query, position), limit + 1))
        body: dict[str, Any] = {"contacts": [_as_json(call, contact, include) for contact in page[:limit]]}
        if flag(query, "include_count"):
            body["contacts_count"] = sum(1 for _ in _found(call, query, 0))
    more = page[limit].number if len(page) > limit else None
    return JSONResponse({**body, **next_link("/v3/contacts", query, more)})


def _found(call: Call, query: Query, position: int) -> Iterator[Contact]:
    """The contacts that pass the filters, from that number on."""
    statuses = _words(query, "status", STATUSES)
    list_ids = set(filter(None, query.get("lists", "").split(",")))
    if len(list_ids) > FILTERED_LISTS:
        raise errors.invalid(f"lists takes at most {FILTERED_LISTS} ids.")
    contacts = call.account.contacts
    if "email" in query:
        known = contacts.by_email.get(query["email"].lower())
        candidates: Iterator[Contact] = iter([known] if known else [])
    else:
        candidates = islice(contacts.in_order, position, None)
    for contact in candidates:
        if list_ids and list_ids.isdisjoint(contact.list_ids):
            continue
        status = contact.status
        if "all" in statuses or (status in statuses if statuses else status != "deleted"):
            yield contact


def _words(query: Query, name: str, allowed: set[str]) -> set[str]:
    words = set(filter(None, query.get(name, "").split(",")))
    if not words <= allowed:
        raise errors.invalid(f"{name} takes: {', '.join(sorted(allowed))}.")
    return words


def _as_json(call: Call, contact: Contact, include: set[str]) -> dict[str, Any]:
    fields = contact.fields or {}
    body: dict[str, Any] = {
        "contact_id": call.account.contacts.id_of(contact),
        "email_address": {
            "address": contact.email,
            "permission_to_send": contact.permission,
            "opt_in_source": "Account",
            "created_at": iso(contact.created_at),
            "updated_at": iso(contact.updated_at),
        },
        "create_source": "Account",
        "update_source": "Account",
        "created_at": iso(contact.created_at),
        "updated_at": iso(contact.updated_at),
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "deleted_at": iso(contact.deleted_at) if contact.deleted_at is not None else None,
    }
    for name in ("job_title", "company_name", "anniversary"):
        body[name] = fields.get(name)
    for name in ("birthday_month", "birthday_day"):
        body[name] = int(fields[name]) if name in fields else None
    body = {name: value for name, value in body.items() if value is not None}
    if "list_memberships" in include:
        body["list_memberships"] = list(contact.list_ids)
    if "custom_fields" in include:
        ids = {f"cf:{known.name}": known.custom_field_id for known in call.account.custom_fields.values()}
        body["custom_fields"] = [
            {"custom_field_id": ids[name], "value": value} for name, value in fields.items() if name in ids
        ]
    if "phone_numbers" in include:
        body["phone_numbers"] = [
            {"phone_number": fields[name], "kind": kind} for name, kind in PHONE_KINDS.items() if name in fields
        ]
    if "street_addresses" in include:
        body["street_addresses"] = list(_addresses(fields))
    return body


def _addresses(fields: dict[str, str]) -> Iterator[dict[str, str]]:
    for prefix, kind in ADDRESS_KINDS.items():
        parts = {key: fields[prefix + key] for key in ADDRESS_KEYS if prefix + key in fields}
        if not parts:
            continue
        # The import documents that street2 is appended to street.
        street = ", ".join(filter(None, (parts.pop("street", ""), parts.pop("street2", ""))))
        yield {"kind": kind, "street": street, **parts}
