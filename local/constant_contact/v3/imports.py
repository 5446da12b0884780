"""`/activities/contacts_file_import` and `contacts_json_import`: an import is checked and queued."""

import uuid
from collections.abc import Sequence

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from local.constant_contact import errors
from local.constant_contact.faults import Stage
from local.constant_contact.import_files import CsvPayload, JsonImport, JsonPayload, Payload, check_headings
from local.constant_contact.import_job import IMPORT_COUNTERS, ImportFault, ImportJob
from local.constant_contact.v3.bodies import json_body, media_type
from local.constant_contact.v3.gateway import Call

LISTS_AN_IMPORT = 50
SMS_PERMISSIONS = ("explicit", "not_set")

_FAULTS = {
    "activity-failed": ImportFault(end="failed"),
    "activity-timed-out": ImportFault(end="timed_out"),
    "activity-cancelled": ImportFault(end="cancelled"),
}


async def file_import(call: Call) -> Response:
    """`POST /activities/contacts_file_import`: a multipart form with `file` (.csv) and `list_ids` (one string)."""
    if media_type(call.request) != "multipart/form-data":
        raise errors.unsupported_media_type("The Content-Type must be multipart/form-data.")
    try:
        async with call.request.form() as form:
            upload, list_ids = form.get("file"), form.get("list_ids")
            sms_permission = form.get("sms_permission_to_send", "not_set")
            if not isinstance(upload, UploadFile) or not upload.filename:
                raise errors.invalid("file is missing.")
            name, content = upload.filename, await upload.read()
    except HTTPException as error:
        raise errors.invalid(f"The multipart form is malformed: {error.detail}") from error
    if not name.lower().endswith(".csv"):
        raise errors.unsupported_media_type("The file must be a .csv file.")
    if not isinstance(list_ids, str) or not isinstance(sms_permission, str):
        raise errors.invalid("list_ids is missing.")
    asked = [list_id.strip() for list_id in list_ids.split(",")]
    return _accept(call, CsvPayload(content), asked, sms_permission, content, name)


async def json_import(call: Call) -> Response:
    """`POST /activities/contacts_json_import`."""
    asked = await json_body(call.request, JsonImport)
    content = await call.request.body()
    payload = JsonPayload(asked.import_data, len(content))
    return _accept(call, payload, asked.list_ids, asked.sms_permission_to_send, content, None)


def _accept(
    call: Call, payload: Payload, list_ids: Sequence[str], sms_permission: str, content: bytes, name: str | None
) -> Response:
    state = call.state
    if sms_permission not in SMS_PERMISSIONS:
        raise errors.invalid(f"sms_permission_to_send must be one of {', '.join(SMS_PERMISSIONS)}.")
    with state.lock:
        _check_lists(call, list_ids)
        check_headings(payload, set(call.account.custom_fields), state.configuration)
        refused = state.faults.take(Stage.ACCEPTING, content=content)
        if refused and refused.name == "queue-full":
            raise errors.queue_full(state.configuration.queue_full_body)
        if refused:
            raise errors.invalid("The import contains a contact that cannot be imported.")
        job = ImportJob(
            call.account,
            payload,
            tuple(dict.fromkeys(list_ids)),
            configuration=state.configuration,
            clock=state.clock,
            lock=state.lock,
            consent_date_required=sms_permission == "explicit",
            fault=_processing_fault(call),
        )
        activity = state.submit(call.account, "contacts_import", job, counters=IMPORT_COUNTERS, source_file_name=name)
        state.statistics.import_accepted(name)
        return JSONResponse(activity.as_json(state.clock.now()), 201)


def _check_lists(call: Call, list_ids: Sequence[str]) -> None:
    if not 1 <= len(list_ids) <= LISTS_AN_IMPORT:
        raise errors.invalid(f"list_ids needs 1 to {LISTS_AN_IMPORT} ids.")
    for list_id in list_ids:
        try:
            uuid.UUID(list_id)
        except ValueError:
            raise errors.invalid("list_ids holds an id in an invalid format.") from None
        if list_id not in call.account.lists:
            # Which of the two the service answers is not documented.
            message = f"list_id {list_id} was not found."
            unknown = errors.not_found if call.state.configuration.unknown_list_status == 404 else errors.invalid
            raise unknown(message)


def _processing_fault(call: Call) -> ImportFault:
    armed = call.state.faults.take(Stage.PROCESSING)
    if armed is None:
        return ImportFault()
    return _FAULTS.get(armed.name, ImportFault(refuses_rows=True, match=armed.match))
