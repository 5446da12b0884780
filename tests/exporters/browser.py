"""The part of the browser in a sign-in: Constant Contact's page is answered, and the way back is read."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import requests

from tests.exporters.world import World

OWNER = "local-owner"
CAMPAIGN_CREATOR = "local-creator"
OTHER_OWNER = "other-owner"


def answer_at_constant_contact(address: str, *, user: str = OWNER, decision: str = "allow") -> dict[str, str]:
    """Answer the page at `address`; what is in the query of the address that the browser is sent back to."""
    form = {"user_id": user, "decision": decision}
    answer = requests.post(address, data=form, allow_redirects=False, timeout=10)
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def add_other_account(world: World) -> None:
    """Another company, with an owner."""
    body = {
        "account_id": "another-account",
        "organization_name": "Another Company",
        "users": [{"user_id": OTHER_OWNER, "email": "owner@other.example.com"}],
    }
    requests.post(f"{world.simulator.url}/_simulator/accounts", json=body, timeout=10).raise_for_status()
