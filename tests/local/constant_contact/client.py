"""A client of the simulator that is always within the limits, by moving the simulator's clock."""

import time
from dataclasses import dataclass
from typing import Any

import requests

from local.constant_contact.server import Simulator
from local.constant_contact.state import LOCAL_APP, LOCAL_LIST_ID

TIMEOUT_SECONDS = 60
ALL_SCOPES = ("account_read", "contact_data", "offline_access")


def stop_clock(simulator: Simulator) -> None:
    """From now on all calls come at the same moment, as the simulator sees them, however slow this machine is."""
    at = simulator.state.clock.now()
    simulator.state.clock.now = lambda: at  # type: ignore[method-assign]


@dataclass(frozen=True)
class Client:
    simulator: Simulator
    access_token: str

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """One call, a second of simulated time after the one before."""
        self.simulator.state.advance_clock(1.0)
        return self.call_at_once(method, path, **arguments)

    def call_at_once(self, method: str, path: str, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.access_token}"}
        url = self.simulator.url + path
        return requests.request(method, url, headers=headers, timeout=TIMEOUT_SECONDS, **arguments)

    def get(self, path: str, **parameters: str | int) -> requests.Response:
        return self.call("GET", path, params=parameters)

    def post(self, path: str, body: object) -> requests.Response:
        return self.call("POST", path, json=body)

    def post_csv(
        self, content: str | bytes, name: str = "run-0001.csv", list_ids: str = LOCAL_LIST_ID, **more: str
    ) -> requests.Response:
        form = {"file": (name, content, "text/csv"), "list_ids": (None, list_ids)}
        form.update({key: (None, value) for key, value in more.items()})
        return self.call("POST", "/v3/activities/contacts_file_import", files=form)

    def import_csv(self, content: str | bytes, name: str = "run-0001.csv", **more: str) -> dict[str, Any]:
        """The activity of an import after its end."""
        response = self.post_csv(content, name, **more)
        assert response.status_code == 201, response.text
        return self.ended(response.json()["activity_id"])

    def import_rows(self, *rows: str) -> dict[str, Any]:
        return self.import_csv("\n".join(("email,first_name,last_name", *rows)))

    def ended(self, activity_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            activity: dict[str, Any] = self.get(f"/v3/activities/{activity_id}").json()
            if activity["state"] not in ("initialized", "processing"):
                return activity
            time.sleep(0.005)
        raise AssertionError(f"The activity {activity_id} did not end.")

    def contact(self, email: str) -> dict[str, Any] | None:
        contacts = self.get(
            "/v3/contacts",
            email=email,
            status="all",
            include="list_memberships,custom_fields,phone_numbers,street_addresses",
        ).json()["contacts"]
        return contacts[0] if contacts else None

    def control(self, method: str, path: str, body: object = None) -> requests.Response:
        url = f"{self.simulator.url}/_simulator/{path}"
        response = requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        assert response.ok, response.text
        return response

    def arm(self, name: str, **options: str | float | None) -> None:
        self.control("POST", "faults", {"name": name, **options})

    def members(self) -> list[str]:
        """The lines of the local list's members.csv, without the header."""
        return self.control("GET", f"lists/{LOCAL_LIST_ID}/members.csv").text.splitlines()[1:]

    def statistics(self) -> Any:
        return self.control("GET", "statistics").json()


def client_of(
    simulator: Simulator,
    *,
    user_id: str = "local-owner",
    client_id: str = LOCAL_APP.client_id,
    scopes: tuple[str, ...] = ALL_SCOPES,
) -> Client:
    body = {"client_id": client_id, "user_id": user_id, "scopes": scopes}
    granted = requests.post(f"{simulator.url}/_simulator/grants", json=body, timeout=TIMEOUT_SECONDS)
    return Client(simulator, granted.json()["access_token"])
