"""The audit log as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.exporters.world import World


def test_the_changes_of_this_month_are_listed_newest_first(world: World, client: TestClient) -> None:
    path = f"/api/connections/{world.connection.id}"
    for name in ("First", "Second"):
        client.patch(path, json={"display_name": name}, headers={"If-Match": "*"})
    page = client.get("/api/audit").json()
    assert page["month"] == f"{world.clock.now():%Y-%m}"
    assert [entry["after"] for entry in page["entries"]] == [{"display_name": "Second"}, {"display_name": "First"}]
    assert page["entries"][1]["before"] == {"display_name": "Shop"}
    assert {entry["by"] for entry in page["entries"]} == {"function key"}


def test_another_month_is_asked_for_by_name(world: World, client: TestClient) -> None:
    client.patch(f"/api/connections/{world.connection.id}", json={"display_name": "A"}, headers={"If-Match": "*"})
    assert client.get("/api/audit", params={"month": "2020-01"}).json()["entries"] == []
    assert len(client.get("/api/audit", params={"month": f"{world.clock.now():%Y-%m}"}).json()["entries"]) == 1


def test_a_month_comes_page_by_page_and_what_is_written_meanwhile_moves_nothing(
    world: World, client: TestClient
) -> None:
    path = f"/api/connections/{world.connection.id}"
    for name in ("First", "Second", "Third"):
        client.patch(path, json={"display_name": name}, headers={"If-Match": "*"})
    page = client.get("/api/audit", params={"limit": 2}).json()
    client.patch(path, json={"display_name": "Fourth"}, headers={"If-Match": "*"})
    rest = client.get("/api/audit", params={"limit": 2, "after": page["next"]}).json()
    assert [entry["after"]["display_name"] for entry in page["entries"]] == ["Third", "Second"]
    assert [entry["after"]["display_name"] for entry in rest["entries"]] == ["First"]
    assert rest["next"] is None


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-1", "11-2026", "2026-11-22", "٢٠26-11"])
def test_what_is_no_month_is_refused(client: TestClient, month: str) -> None:
    answer = client.get("/api/audit", params={"month": month})
    assert answer.status_code == 422
    assert "month" in answer.json()["detail"]


def test_a_page_reads_no_more_of_a_long_month_than_it_shows(
    world: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/connections/{world.connection.id}"
    for number in range(8):
        client.patch(path, json={"display_name": f"Name {number}"}, headers={"If-Match": "*"})
    read: list[int] = []
    query = world.services.audit._table._client.query_entities

    def counted(*given: object, **options: object) -> Iterator[object]:
        for page in query(*given, **options).by_page():  # type: ignore[arg-type]
            rows = list(page)
            read.append(len(rows))
            yield from rows

    monkeypatch.setattr(world.services.audit._table._client, "query_entities", counted)
    assert len(client.get("/api/audit", params={"limit": 2}).json()["entries"]) == 2
    assert read == [3]
