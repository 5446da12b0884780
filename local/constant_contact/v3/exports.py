"""`/activities/contact_exports` and `/contact_exports`: contacts as a CSV file."""

import csv
import io
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from local.constant_contact import errors
from local.constant_contact.accounts import Account
from local.constant_contact.activities import Outcome
from local.constant_contact.clock import iso
from local.constant_contact.contacts import Contact
from local.constant_contact.v3.bodies import json_body
from local.constant_contact.v3.gateway import Call

EXPORT_COUNTERS = ("items_total_count", "items_completed_count")
# The headings of the real file are not documented.
HEADINGS = (
    "Email address",
    "First name",
    "Last name",
    "Email status",
    "Email permission status",
    "Email lists",
    "Created at",
    "Updated at",
)


class ExportRequest(BaseModel):
    """The body of `contact_exports`; an empty one exports everybody who is not deleted."""

    model_config = ConfigDict(extra="forbid")

    contact_ids: list[str] = Field(default=[], max_length=500)
    list_ids: list[str] = Field(default=[], max_length=50)


class ExportJob:
    """Writes the file."""

    def __init__(self, account: Account, asked: ExportRequest, chosen: list[Contact] | None) -> None:
        self.items = len(account.contacts.in_order)
        self._account = account
        self._chosen = chosen
        self._list_ids = set(asked.list_ids)

    def prepare(self) -> None:
        """Nothing: the file shows the contacts at its end."""

    def carry_out(self) -> Outcome:
        """The file of the chosen contacts."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADINGS)
        written = 0
        # Safe without the lock: contacts are only ever added behind, and each is written in one piece.
        for contact in self._candidates():
            if contact.deleted_at is None and (not self._list_ids or not self._list_ids.isdisjoint(contact.list_ids)):
                writer.writerow(self._line(contact))
                written += 1
        counts = {"items_total_count": written, "items_completed_count": written}
        return Outcome("completed", counts, exported_file=text.getvalue().encode())

    def _candidates(self) -> Iterable[Contact]:
        return self._account.contacts.in_order if self._chosen is None else self._chosen

    def _line(self, contact: Contact) -> tuple[str, ...]:
        return (
            contact.email,
            contact.first_name or "",
            contact.last_name or "",
            contact.status,
            contact.permission,
            ", ".join(self._account.lists[list_id].name for list_id in contact.list_ids),
            iso(contact.created_at),
            iso(contact.updated_at),
        )


async def new_export(call: Call) -> Response:
    """`POST /activities/contact_exports`: 201; when completed, `_links.results` leads to the file."""
    asked = await json_body(call.request, ExportRequest)
    with call.state.lock:
        for list_id in asked.list_ids:
            call.account.list_called(list_id)
        chosen = _chosen(call.account, asked.contact_ids) if asked.contact_ids else None
        job = ExportJob(call.account, asked, chosen)
        activity = call.state.submit(call.account, "contact_exports", job, counters=EXPORT_COUNTERS)
        return JSONResponse(activity.as_json(call.state.clock.now()), 201)


async def exported_file(call: Call) -> Response:
    """`GET /contact_exports/{file_export_id}`: the file, text/csv."""
    with call.state.lock:
        content = call.account.exported_files.get(call.request.path_params["file_export_id"])
    if content is None:
        raise errors.not_found("file_export_id was not found.")
    return Response(content, media_type="text/csv")


def _chosen(account: Account, contact_ids: list[str]) -> list[Contact]:
    try:
        found = [account.contacts.with_id(contact_id) for contact_id in contact_ids]
    except ValueError:
        raise errors.invalid("contact_ids holds an id in an invalid format.") from None
    return [contact for contact in found if contact is not None]
