"""The panel in which an export is made, duplicated or changed; for who may not change it, the panel that shows it.

One form: each of its buttons posts all of it, and the answer is the form with what was typed and what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from admin import exports
from admin.export_list import ListedExport
from admin.exports import ExportChange, NewExport
from admin.pages.export_choices import choices, filled_in, with_defaults
from admin.pages.export_form import LONGEST_NAME, ExportForm, PostedExport
from admin.pages.export_words import CHANGED_MEANWHILE, attribute_label
from admin.pages.exports import listing, may_edit, run_address
from admin.pages.forms import see_other
from admin.pages.languages import language_of
from admin.pages.notices import telling
from admin.pages.parameters import Contributor, Text, Viewer
from admin.pages.rendering import render
from admin.pages.words import message
from admin.problems import InvalidFields, about
from exporters import account_data
from exporters.contact_fields import EMAIL
from exporters.preview import Preview, preview
from exporters.services import Services
from shared.errors import Changed, Conflict, ExportError, Invalid, Unavailable
from shared.models import Export, Schedule
from shared.people import Person

_LONGEST_LIST_NAME = 255

_ADDED = message("The export “%(name)s” was added. Saving has not started a run.")
_CHANGED = message("The export “%(name)s” was saved. Saving has not started a run.")
_NOT_STARTED = message("The export “%(name)s” was saved, but no run could be started: %(reason)s")
_NO_LIST_NAME = message("Give the new list a name of at most 255 characters.")
_NO_CONNECTION = message("Choose a connection first.")
_LIST_EXISTS = message("The account has a list of this name already. Choose it above.")
_LIST_NOT_MADE = message("The list could not be created.")
_NOT_A_LIST_ADDRESS = message("This is neither the id of a list nor the web address of one.")
_NOT_THEIR_LIST = message("The account of the connection has no list with this id.")
_COPY = message("%(name)s (copy)")
_NOT_SAVED = message("The export could not be saved.")


@dataclass(frozen=True)
class Answered:
    """What a button did to the form: what is typed now, what is wrong, and where the reader goes on."""

    typed: ExportForm
    problems: dict[str, str]
    reached: str = ""
    fresh: bool = False
    preview: Preview | None = None
    said: str | None = None
    about: str | None = None


def export_panel_router(services: Callable[[], Services]) -> APIRouter:
    """GET and POST /exports/add, GET and POST /exports/{id}, GET /exports/{id}/duplicate."""
    router = APIRouter()

    def panel(
        request: Request,
        person: Person,
        answered: Answered,
        *,
        known: ListedExport | None = None,
        copied: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HTMLResponse:
        its = services()
        spoken = language_of(request.headers, request.cookies)
        offered = choices(its, person, answered.typed, known.export.id if known else None, fresh=answered.fresh)
        typed = filled_in(answered.typed, offered)
        return render(
            request,
            "export_form.html",
            status=status,
            **listing(its, person, request=request, chosen=known),
            typed=typed,
            offered=offered,
            problems=answered.problems,
            said=answered.said,
            said_about=answered.about,
            reached=answered.reached,
            preview=answered.preview,
            known=known,
            copied=copied,
            schedule=known.schedule if known else _schedule_of(its, person, copied),
            address_of_form=f"/exports/{known.export.id}" if known else "/exports/add",
            label=lambda column: attribute_label(column, offered.custom, spoken),
        )

    # --- Opening ------------------------------------------------------------------------------------------------------

    @router.get("/exports/add", response_class=HTMLResponse)
    def add(request: Request, person: Contributor) -> HTMLResponse:
        return panel(request, person, Answered(with_defaults(services(), person, ExportForm()), {}))

    @router.get("/exports/{export_id}/duplicate", response_class=HTMLResponse)
    def duplicate(request: Request, export_id: str, person: Contributor) -> HTMLResponse:
        original = may_edit(services(), person, export_id).export
        spoken = language_of(request.headers, request.cookies)
        name = spoken.text(_COPY) % {"name": original.name}
        typed = replace(ExportForm.of(original), name=name[:LONGEST_NAME])
        return panel(request, person, Answered(typed, {}), copied=original.id)

    @router.get("/exports/{export_id}", response_class=HTMLResponse)
    def one(request: Request, export_id: str, person: Viewer) -> HTMLResponse:
        its = services()
        known = exports.one(its, person, export_id)
        if known.may_edit:
            return panel(request, person, Answered(ExportForm.of(known.export, known.etag or ""), {}), known=known)
        spoken = language_of(request.headers, request.cookies)
        return render(
            request,
            "export_view.html",
            **listing(its, person, request=request, chosen=known),
            one=known,
            problems={},
            label=lambda column: attribute_label(column, {}, spoken),
        )

    # --- Buttons ------------------------------------------------------------------------------------------------------

    @router.post("/exports/add", response_class=HTMLResponse)
    def act_on_new(
        request: Request,
        person: Contributor,
        typed: PostedExport,
        do: Text = "update",
        new_attribute: Text = "",
        copied: Text = "",
    ) -> Response:
        its = services()
        if do not in ("save", "save-and-run"):
            return panel(request, person, press(its, person, typed, do, new_attribute), copied=copied)
        answered = _checked(its, person, typed, None)
        if not answered.problems:
            try:
                saved = exports.add(its, person, _new_export(answered.typed, _schedule_of(its, person, copied)))
            except (ExportError, ValidationError) as error:
                answered = _refused(answered, error)
            else:
                return _saved(request, its, person, saved, _ADDED, run=do == "save-and-run")
        return panel(request, person, answered, copied=copied, status=_status(answered))

    @router.post("/exports/{export_id}", response_class=HTMLResponse)
    def act(
        request: Request,
        export_id: str,
        person: Contributor,
        typed: PostedExport,
        do: Text = "update",
        new_attribute: Text = "",
    ) -> Response:
        its = services()
        known = may_edit(its, person, export_id)
        if do not in ("save", "save-and-run"):
            return panel(request, person, press(its, person, typed, do, new_attribute), known=known)
        answered = _checked(its, person, typed, known.export)
        if not answered.problems:
            try:
                saved = exports.change(its, person, export_id, _change(answered.typed), etag=typed.etag or None)
            except Changed:
                # With the version of now, so that saving again is a decision.
                known = may_edit(its, person, export_id)
                kept = replace(answered.typed, etag=known.etag or "")
                answered = replace(answered, typed=kept, problems={"etag": CHANGED_MEANWHILE})
            except (ExportError, ValidationError) as error:
                answered = _refused(answered, error)
            else:
                return _saved(request, its, person, saved.value, _CHANGED, run=do == "save-and-run")
        return panel(request, person, answered, known=known, status=_status(answered))

    return router


# --- What the buttons do ----------------------------------------------------------------------------------------------


def press(services: Services, person: Person, typed: ExportForm, do: str, new_attribute: str) -> Answered:
    """What a button that saves nothing does."""
    if do in ("refresh", "refresh-segments"):
        return Answered(typed, {}, "list_search" if do == "refresh" else "segment_search", fresh=True)
    if do == "use-list":
        return _use_pasted(services, person, typed)
    if do == "create-list":
        return _create_list(services, person, typed)
    if do == "preview":
        return _preview(services, person, typed)
    if do == "add-attribute" or do.startswith("remove:"):
        return _attributes(typed, do, new_attribute)
    if do == "add-suggested":
        offered = choices(services, person, typed, None)
        suggested = {column: offered.suggested[column] for column in offered.left if column in offered.suggested}
        return Answered(replace(typed, matching={**typed.matching, **suggested}), {}, "new_attribute")
    return Answered(typed, {})


def _attributes(typed: ExportForm, do: str, new_attribute: str) -> Answered:
    if do.startswith("remove:"):
        gone = do.removeprefix("remove:")
        left = {column: source for column, source in typed.matching.items() if column != gone or column == EMAIL}
        return Answered(replace(typed, matching=left), {}, "new_attribute")
    if not new_attribute or new_attribute in typed.matching:
        return Answered(typed, {})
    more = {**typed.matching, new_attribute: ""}
    return Answered(replace(typed, matching=more), {}, f"source-{new_attribute.replace(':', '-')}")


def _use_pasted(services: Services, person: Person, typed: ExportForm) -> Answered:
    pasted = typed.pasted_list
    if pasted is None:
        return Answered(typed, {"list_address": _NOT_A_LIST_ADDRESS})
    chosen = replace(typed, list_id=pasted, list_name="", list_address="")
    offered = choices(services, person, chosen, None)
    if offered.lists and pasted not in [one.id for one in offered.lists.shown]:
        return Answered(typed, {"list_address": _NOT_THEIR_LIST})
    return Answered(chosen, {}, f"list-{pasted}")


def _create_list(services: Services, person: Person, typed: ExportForm) -> Answered:
    if not 0 < len(typed.new_list) <= _LONGEST_LIST_NAME:
        return Answered(typed, {"new_list": _NO_LIST_NAME})
    connection = next(
        (one for one in exports.allowed_connections(services, person) if one.id == typed.connection_id), None
    )
    if connection is None:
        return Answered(typed, {"connection": _NO_CONNECTION})
    try:
        made = account_data.create_list(services, connection, typed.new_list)
    except Conflict:
        return Answered(typed, {"new_list": _LIST_EXISTS})
    except ExportError as error:
        return Answered(typed, {"new_list": _LIST_NOT_MADE}, said=str(error), about=about(error))
    chosen = replace(typed, list_id=made.id, list_name=made.name, new_list="", list_search="", list_address="")
    return Answered(chosen, {}, f"list-{made.id}")


def _preview(services: Services, person: Person, typed: ExportForm) -> Answered:
    offered = choices(services, person, typed, None)
    filled = filled_in(typed, offered)
    if not filled.can_preview:
        return Answered(filled, {})
    seen = preview(
        services,
        segments=filled.segments,
        mapping=filled.mapping,
        reading=filled.reading,
        connection=offered.connection,
    )
    return Answered(replace(filled, previewed=True), {}, "preview", preview=seen)


# --- Saving -----------------------------------------------------------------------------------------------------------


def _checked(services: Services, person: Person, typed: ExportForm, known: Export | None) -> Answered:
    """What was typed, with the list that was pasted, and what is wrong with it."""
    detached = known is not None and known.connection_id is None
    connections = exports.allowed_connections(services, person)
    problems = typed.problems([one.id for one in connections], detached=detached)
    if typed.list_address and "list_address" not in problems:
        used = _use_pasted(services, person, typed)
        typed, problems = used.typed, problems | used.problems
    offered = choices(services, person, typed, None)
    chosen = next((one for one in offered.lists.shown if one.id == typed.list_id), None) if offered.lists else None
    unchanged = known and (known.list_id, known.connection_id) == (typed.list_id, typed.connection_id)
    if offered.lists and typed.list_id and not chosen and not unchanged:
        problems.setdefault("list", _NOT_THEIR_LIST)
    return Answered(replace(typed, list_name=chosen.name if chosen else typed.list_name), problems)


def _refused(answered: Answered, error: Exception) -> Answered:
    """What was typed stays; what the layers below say of it is shown in their own, English words."""
    if isinstance(error, InvalidFields) and "connection_id" in error.fields:
        return replace(answered, problems={"connection": _NO_CONNECTION}, said=str(error), about="no_connection")
    answered = replace(answered, problems={"save": _NOT_SAVED})
    return replace(answered, said=str(error), about=about(error)) if isinstance(error, ExportError) else answered


def _status(answered: Answered) -> HTTPStatus:
    if "etag" in answered.problems:
        return HTTPStatus.CONFLICT
    return HTTPStatus.UNPROCESSABLE_ENTITY


def _saved(request: Request, services: Services, person: Person, export: Export, said: str, *, run: bool) -> Response:
    if run:
        try:
            return see_other(run_address(services, person, export.id))
        except (Invalid, Unavailable, Conflict) as error:
            answer = see_other(f"/exports?selected={export.id}")
            return telling(request, answer, _NOT_STARTED, name=export.name, reason=str(error))
    return telling(request, see_other(f"/exports?selected={export.id}"), said, name=export.name)


def _new_export(typed: ExportForm, schedule: Schedule) -> NewExport:
    return NewExport.model_validate({**_fields(typed), "schedule": schedule})


def _change(typed: ExportForm) -> ExportChange:
    return ExportChange.model_validate(_fields(typed))


def _fields(typed: ExportForm) -> dict[str, object]:
    return {
        "name": typed.name,
        "connection_id": typed.connection_id or None,
        "list_id": typed.list_id,
        "list_name": typed.list_name or None,
        "segments": typed.segments,
        "mapping": typed.mapping,
        "reading": typed.reading,
    }


def _schedule_of(services: Services, person: Person, copied: str) -> Schedule:
    """Any new export runs with every refresh; a duplicate has its original's schedule, off until somebody wants it."""
    if not copied:
        return Schedule()
    return may_edit(services, person, copied).schedule.model_copy(update={"active": False})
