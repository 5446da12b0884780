"""The controls of the Constant Contact simulator, as a stand uses them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import requests

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Account:
    """A Constant Contact account with one of its users and lists, and the app registered there."""

    account_id: str
    name: str
    client_id: str
    client_secret: str
    user_id: str
    user_email: str
    list_id: str
    list_name: str


class SimulatorClient:
    """The simulator at an address; requests.RequestException when it does not answer or refuses."""

    def __init__(self, url: str) -> None:
        self._url = url

    def first_account(self) -> Account:
        """The account and the app that it begins with."""
        overview = self._call("GET", "").json()
        app, account = overview["apps"][0], overview["accounts"][0]
        user, known_list = account["users"][0], account["lists"][0]
        return Account(
            account_id=account["account_id"],
            name=account["organization_name"],
            client_id=app["client_id"],
            client_secret=app["client_secret"],
            user_id=user["user_id"],
            user_email=user["email"],
            list_id=known_list["list_id"],
            list_name=known_list["name"],
        )

    def add_account(self, name: str, first: Account) -> Account:
        """Another account of the same app, with one user and one list."""
        user = {"user_id": f"user-{name}", "email": f"{name}@example.com"}
        body = {"account_id": name, "organization_name": name, "users": [user], "lists": [{"name": "Newsletter"}]}
        made = self._call("POST", "accounts", body).json()["lists"][0]
        return replace(
            first,
            account_id=name,
            name=name,
            user_id=user["user_id"],
            user_email=user["email"],
            list_id=made["list_id"],
            list_name=made["name"],
        )

    def register_app(self, client_id: str, client_secret: str, redirect_address: str) -> None:
        """Let it know an app, which it sends people back to at this address and at no other."""
        body = {"client_id": client_id, "client_secret": client_secret, "redirect_uris": [redirect_address]}
        self._call("POST", "apps", body)

    def grant(self, client_id: str, user_id: str) -> dict[str, str]:
        """Take the consent of a user for granted: the tokens that follow from it."""
        tokens: dict[str, str] = self._call("POST", "grants", {"client_id": client_id, "user_id": user_id}).json()
        return tokens

    def issued(self) -> list[str]:
        """Every authorization code and token that it has given out."""
        codes_and_tokens: list[str] = self._call("GET", "issued").json()
        return codes_and_tokens

    def members_csv(self, list_id: str) -> bytes:
        """The members of a list as CSV: email, first_name, last_name, list_ids (separated by ";")."""
        return self._call("GET", f"lists/{list_id}/members.csv").content

    def requests_answered(self) -> int:
        """How many requests it has answered or cut, those to the token endpoint among them."""
        by_route = self._call("GET", "statistics").json()["requests"]
        return sum(sum(answers.values()) for answers in by_route.values())

    def _call(self, method: str, path: str, body: object = None) -> requests.Response:
        with requests.Session() as session:
            # It is on this machine; a proxy that the environment names is not for it.
            session.trust_env = False
            answer = session.request(method, f"{self._url}/_simulator/{path}", json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer
