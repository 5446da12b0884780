"""Connections as JSON. Signing in needs a browser: a connection that is made here says `not_connected` until then."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from admin import connections
from admin.api.callers import Caller, Contributor
from admin.api.errors import problems
from admin.api.paging import After, Limit, page_of
from admin.api.versions import IfMatch, expect, tag_of
from admin.records import ConnectionRecord, SharedConnection, connection_record, shared_connection
from exporters.services import Services
from shared.models import Export, Name, Sharing

Id = Annotated[str, Field(max_length=64)]


class NewConnection(BaseModel):
    """A connection to be made; an administrator signs in to it on its page."""

    model_config = ConfigDict(extra="forbid")

    display_name: Name
    sharing: Sharing = "administrators"
    consent: bool = Field(default=False, description="the caller agrees to data privacy and compliance")
    export_user: Name | None = None


class ConnectionChange(BaseModel):
    """What to change of a connection; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    display_name: Name | None = None
    sharing: Sharing | None = None
    export_user: Name | None = None


class ChosenExports(BaseModel):
    """Which exports that use the connection are meant."""

    model_config = ConfigDict(extra="forbid")

    export_ids: Annotated[tuple[Id, ...], Field(max_length=1000)]


class ConnectionPage(BaseModel):
    """Some connections, by name; `next` is the `after` of the page that follows, null on the last."""

    connections: list[ConnectionRecord | SharedConnection]
    next: str | None


class Detached(BaseModel):
    """The exports that were detached; they have no connection now."""

    exports: list[Export]


class RemovedExports(BaseModel):
    """The exports that were removed, as they were."""

    exports: list[Export]


def connections_router(services: Callable[[], Services]) -> APIRouter:
    """`/connections`."""
    router = APIRouter(prefix="/connections", tags=["connections"])

    @router.get("", summary="List the connections")
    def list_connections(person: Contributor, limit: Limit = 50, after: After = None) -> ConnectionPage:
        """Those that the caller may know of, without tokens. A contributor learns the names of shared ones."""
        known = connections.for_role(person, services().connections.all())
        page, following = page_of(known, lambda one: (one.display_name.casefold(), one.id), after=after, limit=limit)
        record = connection_record if person.may("Administrator") else shared_connection
        return ConnectionPage(connections=[record(one) for one in page], next=following)

    @router.post("", status_code=HTTPStatus.CREATED, summary="Make a connection")
    def add_connection(new: NewConnection, person: Caller, response: Response) -> ConnectionRecord:
        """It says `not_connected` until an administrator has signed in to Constant Contact on its page."""
        known = services()
        made = connections.add(
            known,
            person,
            display_name=new.display_name,
            sharing=new.sharing,
            consent=new.consent,
            export_user=new.export_user,
        )
        response.headers["Location"] = f"/api/connections/{made.id}"
        return connection_record(made)

    @router.get("/{connection_id}", summary="Read a connection", responses=problems(404))
    def read_connection(connection_id: str, _: Caller, response: Response) -> ConnectionRecord:
        """The header ETag names the version, which a change or a removal has to name."""
        stored = services().connections.stored(connection_id)
        response.headers["ETag"] = tag_of(stored)
        return connection_record(stored.value)

    @router.patch("/{connection_id}", summary="Change a connection", responses=problems(404, 412, 428))
    def change_connection(
        connection_id: str, change: ConnectionChange, person: Caller, response: Response, if_match: IfMatch = None
    ) -> ConnectionRecord:
        """Its name, who can use it, or its export user. Exports that use it keep working."""
        known = services()
        etag = expect(known.connections.stored(connection_id), if_match)
        stored = connections.change(
            known,
            person,
            connection_id,
            display_name=change.display_name,
            sharing=change.sharing,
            export_user=change.export_user,
            etag=etag,
        )
        response.headers["ETag"] = tag_of(stored)
        return connection_record(stored.value)

    @router.delete(
        "/{connection_id}",
        status_code=HTTPStatus.NO_CONTENT,
        summary="Remove a connection",
        responses=problems(404, 409, 412, 428),
    )
    def remove_connection(connection_id: str, person: Caller, if_match: IfMatch = None) -> None:
        """With its tokens in Key Vault. While exports use it the answer is 409, with their ids and names in `exports`.

        So it is while runs go through it that began before. What Constant Contact holds stays there.
        """
        known = services()
        etag = expect(known.connections.stored(connection_id), if_match)
        connections.remove(known, person, connection_id, etag=etag)

    @router.post("/{connection_id}/detach", summary="Detach exports from a connection", responses=problems(404))
    def detach(connection_id: str, person: Caller, chosen: ChosenExports) -> Detached:
        """The exports are kept, and do not run until they have a connection again. The others stay as they are."""
        detached = connections.detach(services(), person, connection_id, chosen.export_ids)
        return Detached(exports=detached)

    @router.post(
        "/{connection_id}/remove-exports",
        summary="Remove the exports that use a connection",
        responses=problems(404, 409),
    )
    def remove_exports(connection_id: str, person: Caller, chosen: ChosenExports) -> RemovedExports:
        """None while one has a run under way, or when one uses it that is not named (409).

        They are removed one after the other; a call that was cut short can be made again. Their runs stay until
        their retention time is over.
        """
        removed = connections.remove_exports(services(), person, connection_id, chosen.export_ids)
        return RemovedExports(exports=removed)

    return router
