"""The description of the API, for people and for programs that are made from it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.admin.test_access import API, rows

METHODS = ("get", "post", "patch", "delete", "put")


@pytest.fixture
def described(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    description: dict[str, Any] = answer.json()
    return description


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, found in described["paths"].items()
        for method, operation in found.items()
        if method in METHODS
    ]


def test_every_route_of_the_api_is_described(described: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(described)} == set(rows(API))


def test_every_operation_says_what_it_does_and_answers_errors_as_problems(described: dict[str, Any]) -> None:
    for method, path, operation in operations(described):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        refusals = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert {"400", "403", "422", "503"} <= refusals.keys(), (method, path)
        for status, answer in refusals.items():
            assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_changes_name_the_version_they_are_meant_for(described: dict[str, Any]) -> None:
    one = described["paths"]["/api/connections/{connection_id}"]
    for method in ("patch", "delete"):
        names = {parameter["name"].lower() for parameter in one[method]["parameters"]}
        assert "if-match" in names
        assert {"404", "412", "428"} <= one[method]["responses"].keys()
    assert "409" in one["delete"]["responses"]


def test_a_connection_is_signed_in_to_on_its_page_alone(described: dict[str, Any]) -> None:
    making = described["paths"]["/api/connections"]["post"]["description"]
    assert "on its page" in making
    assert "tokens" not in making + described["components"]["schemas"]["NewConnection"]["description"]


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(ids)) == len(ids)
