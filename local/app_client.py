"""The app's JSON API and the host's own routes, as the local commands call them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

from admin.records import RunRecord
from shared.audit import AuditEntry
from shared.models import Connection, Export, Schedule

TIMEOUT_SECONDS = 120.0
RESTART_SECONDS = 30.0


class ApiError(Exception):
    """The app refused a call or did not answer; the message is the app's own, without keys."""


class AppClient:
    """The app through one or more hosts: a call goes to the first that can be reached."""

    def __init__(self, site_urls: Sequence[str], function_key: str) -> None:
        self._site_urls = list(site_urls)
        self._session = requests.Session()
        # The hosts are on this machine; a proxy that the environment names is not for them.
        self._session.trust_env = False
        self._session.headers["x-functions-key"] = function_key

    def add_connection(self, display_name: str, export_user: str) -> Connection:
        """Make a connection, with consent; it has no tokens yet."""
        body = {"display_name": display_name, "consent": True, "export_user": export_user}
        return Connection.model_validate(self._call("POST", "/api/connections", body))

    def connections(self) -> list[Connection]:
        """All connections."""
        return [Connection.model_validate(one) for one in self._all("/api/connections", "connections")]

    def add_export(
        self,
        name: str,
        connection: Connection,
        *,
        list_id: str,
        segments: Sequence[str],
        mapping: Mapping[str, str],
        schedule: Schedule,
    ) -> Export:
        """Make an export; this starts no run."""
        body = {
            "name": name,
            "connection_id": connection.id,
            "list_id": list_id,
            "segments": list(segments),
            "mapping": dict(mapping),
            "schedule": schedule.model_dump(mode="json"),
        }
        return Export.model_validate(self._call("POST", "/api/exports", body))

    def exports(self) -> list[Export]:
        """All exports."""
        return [Export.model_validate(one) for one in self._all("/api/exports", "exports")]

    def audit(self) -> list[AuditEntry]:
        """What the audit log tells of this month, the newest first."""
        return [AuditEntry.model_validate(one) for one in self._call("GET", "/api/audit")["entries"]]

    def start_run(self, export_id: str) -> str:
        """Start a run on demand and return its id."""
        return str(self._call("POST", f"/api/exports/{export_id}/runs", {"started_by": "local"})["run_id"])

    def runs(self, export_id: str) -> list[RunRecord]:
        """The last runs of an export, the newest first."""
        return [RunRecord.model_validate(run) for run in self._call("GET", f"/api/exports/{export_id}/runs")["runs"]]

    def run(self, export_id: str, run_id: str) -> RunRecord:
        """What has become of a run."""
        return RunRecord.model_validate(self._call("GET", f"/api/exports/{export_id}/runs/{run_id}"))

    def rejected_rows(self, run: RunRecord) -> Iterator[dict[str, Any]]:
        """Every rejected row of a run."""
        yield from self._all(f"/api/exports/{run.export_id}/runs/{run.run_id}/rejected-rows", "rejected_rows")

    def _all(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """A list, page by page."""
        after: object = None
        while True:
            page = self._call("GET", path if after is None else f"{path}?after={after}")
            yield from page[name]
            after = page["next"]
            if after is None:
                return

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        name = f"{method} {path.partition('?')[0]}"
        # A host that has died is back within seconds. What only reads may be asked again until then.
        deadline = time.monotonic() + (RESTART_SECONDS if method == "GET" else 0)
        while True:
            for site_url in self._site_urls:
                try:
                    answer = self._session.request(method, site_url + path, json=body, timeout=TIMEOUT_SECONDS)
                except requests.ConnectionError:
                    continue
                if answer.ok:
                    return dict(answer.json())
                raise ApiError(f"{name} answered {answer.status_code}: {_detail(answer)}")
            if time.monotonic() > deadline:
                raise ApiError(f"{name} failed: no host can be reached at {', '.join(self._site_urls)}.")
            time.sleep(0.2)


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200] or "an empty body"
