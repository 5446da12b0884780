"""`/contact_custom_fields`: the account's own fields."""

import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from local.constant_contact.accounts import CustomField
from local.constant_contact.clock import iso
from local.constant_contact.v3.bodies import json_body
from local.constant_contact.v3.gateway import Call
from local.constant_contact.v3.paging import next_link, page_limit, page_query

FieldType = Literal[
    "string", "text_area", "number", "currency", "date", "datetime", "boolean", "single_select", "multi_select"
]


class NewCustomField(BaseModel):
    """The body of `POST /contact_custom_fields`."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=50)
    type: FieldType


async def all_custom_fields(call: Call) -> Response:
    """`GET /contact_custom_fields`: a page of at most 100 fields."""
    query, position = page_query(call.request.query_params, {"limit"})
    limit = page_limit(query, 100)
    with call.state.lock:
        known = list(call.account.custom_fields.values())
    more = position + limit if position + limit < len(known) else None
    body = {"custom_fields": [_as_json(custom_field) for custom_field in known[position : position + limit]]}
    return JSONResponse({**body, **next_link("/v3/contact_custom_fields", query, more)})


async def new_custom_field(call: Call) -> Response:
    """`POST /contact_custom_fields`: 201, or 409 when the name is taken."""
    asked = await json_body(call.request, NewCustomField)
    custom_field = CustomField(str(uuid.uuid4()), asked.label, asked.type, call.state.clock.now())
    with call.state.lock:
        call.account.add_custom_field(custom_field)
    return JSONResponse(_as_json(custom_field), 201)


def _as_json(custom_field: CustomField) -> dict[str, Any]:
    return {
        "custom_field_id": custom_field.custom_field_id,
        "label": custom_field.label,
        "name": custom_field.name,
        "type": custom_field.type,
        "created_at": iso(custom_field.created_at),
        "updated_at": iso(custom_field.created_at),
    }
