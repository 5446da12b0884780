"""The API keeps to its own description, whatever is sent to it and whoever sends it: schemathesis makes the requests.

Real storage, vault and simulator stand behind it. Most requests name things that are there, so that they get past
"not found". A longer search: `API_EXAMPLES=500 python -m pytest tests/admin/api/test_schemathesis.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from admin.problems import problem
from admin.site import make_api
from local.azurite import Azurite
from shared.errors import NotFound
from shared.models import Schedule
from tests.admin.asking import EVERYBODY, Who, principal
from tests.admin.exporting import given as given_export
from tests.admin.exporting import share
from tests.admin.test_access import API, rows
from tests.exporters.world import World
from tests.simulators import Simulators

EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# A request whose kind is right but for some part, and one that is wrong on purpose.
KINDS = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


class Seeded:
    """The API over a world in which there is one of everything, however often it was removed."""

    def __init__(self, world: World) -> None:
        self.world = world
        settings = world.settings.model_copy(update={"sign_in_enabled": True})
        self.app = make_api(lambda: world.services, settings)
        with self.client() as client:
            self.schema = openapi.from_dict(client.get("/api/openapi.json").json())
        self.schema.app = self.app
        world.write_snapshot("Loyal", ["ana@example.com,Ana", "no address,Bo"])
        self.run = world.run_to_end(world.add_export("Loyal", connection_id=share(world).id))
        self._connection_id = self._export_id = ""
        self._lists = 0

    def client(self) -> asgi.ASGIClient:
        """Calls the application in this process."""
        return asgi.get_client(cast("Any", self.app))

    def names(self, path: str) -> dict[str, str]:
        """The path parameters of things that are there."""
        if "{run_id}" in path:
            return {"export_id": self.run.export_id, "run_id": self.run.run_id}
        named = {"connection_id": self._connection(), "export_id": self._export()}
        return {name: value for name, value in named.items() if f"{{{name}}}" in path}

    def make_sense(self, case: Case[Any]) -> None:
        """Let the request name things that are there, and let what it asks for be possible."""
        case.path_parameters.update(self.names(case.path))
        if case.method in ("PATCH", "PUT", "DELETE"):
            case.headers["if-match"] = "*"
        if not isinstance(case.body, dict):
            return
        possible: dict[str, Any] = given_export(self.world, export_ids=[self._export_id])
        case.body.update({name: value for name, value in possible.items() if name in case.body and name != "name"})
        if case.path.endswith("/schedule"):
            case.body = {"active": bool(case.body.get("active"))}
        if case.path.endswith("/lists"):
            self._lists += 1
            case.body["name"] = f"List {self._lists}"

    def _connection(self) -> str:
        """One that no export uses, so that it can be removed."""
        if not _is_there(lambda: self.world.services.connections.get(self._connection_id)):
            self._connection_id = share(self.world, self.world.add_connection()).id
        return self._connection_id

    def _export(self) -> str:
        exports = self.world.services.exports
        if not _is_there(lambda: exports.get(self._export_id)) or exports.get(self._export_id).connection_id is None:
            off = Schedule(active=False)
            self._export_id = self.world.add_export("Loyal", schedule=off).id
        return self._export_id


def _is_there(get: Callable[[], object]) -> bool:
    try:
        get()
    except NotFound:
        return False
    return True


@pytest.fixture(scope="module")
def seeded(azurite: Azurite, vault_url: str, simulators: Simulators) -> Iterator[Seeded]:
    with simulators.running() as simulator:
        yield Seeded(World(azurite, vault_url, simulator))


def search(seeded: Seeded, operation: APIOperation[Any, Any, Any, Any], who: Who, examples: int = EXAMPLES) -> set[int]:
    """Send requests to the operation; the statuses that were answered. Raises at an answer that is not described."""
    answered: set[int] = set()
    headers = principal(who)
    cases = st.one_of(*(operation.as_strategy(generation_mode=kind) for kind in KINDS))

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, sensible=st.sampled_from((True, True, True, False)))
    def ask(case: Case[Any], sensible: bool) -> None:
        if sensible:
            seeded.make_sense(case)
        response = case.call(session=client, headers=headers)
        answered.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    with seeded.client() as client:
        ask()
    return answered


@pytest.mark.parametrize(("method", "path"), rows(API))
def test_every_answer_is_one_that_is_described(seeded: Seeded, method: str, path: str) -> None:
    operation = seeded.schema[path][method]
    answered = {who: search(seeded, operation, who) for who in EVERYBODY}
    # What is no JSON is not looked at any further.
    assert answered["no role"] <= {400, 403}
    # Some request was let through and made sense.
    assert min(answered["signed out"] | answered["Administrator"]) < 400 or (method, path) in NEVER_DONE


# A run is canceled while it is under way, and that of the seed has ended.
NEVER_DONE = {("POST", "/api/exports/{export_id}/runs/{run_id}/cancel")}


def _fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError


BROKEN: dict[str, tuple[str, object]] = {
    "a server error": ("admin.exports.one", _fail),
    "another status": ("admin.api.errors.problem_of", lambda _: problem(HTTPStatus.IM_A_TEAPOT, "No.")),
    "another kind of content": ("admin.api.errors.MEDIA_TYPE", "application/json"),
    "another body": ("admin.problems.Problem.document", lambda _: {"what": "no"}),
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_not_described_is_found(
    seeded: Seeded, monkeypatch: pytest.MonkeyPatch, break_it: tuple[str, object]
) -> None:
    operation = seeded.schema["/api/exports/{export_id}"]["GET"]
    search(seeded, operation, "Administrator", examples=30)
    monkeypatch.setattr(*break_it)
    with pytest.raises((Failure, BaseExceptionGroup)):
        search(seeded, operation, "Administrator", examples=30)
