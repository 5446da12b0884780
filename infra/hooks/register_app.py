"""Before anything is made: the app registration that people sign in with, with its roles.

It is made once, and kept as ENTRA_CLIENT_ID; set that first to use a registration of your own. Whoever runs this needs
the right to register apps in Entra (the role Application Developer, where not everybody may).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from azure_cli import INFRA, Refused, Stop, az, json_file, keep, run_hook, say, value, value_or_none

ROLES = INFRA / "app-roles.json"
GRAPH = "https://graph.microsoft.com/v1.0"


def register_app() -> None:
    """Register the app unless there is a registration."""
    if value_or_none("ENTRA_CLIENT_ID"):
        return
    name = f"Segment exports ({value('AZURE_ENV_NAME')})"
    try:
        client_id = _registration(name)
        enterprise_app = _enterprise_app(client_id)
    except Refused as why:
        raise Stop(
            "Entra did not register the app that people sign in with. Have somebody register it who may"
            f" (docs/install.md says how), then: azd env set ENTRA_CLIENT_ID <its client id>\n{why}"
        ) from None
    keep("ENTRA_CLIENT_ID", client_id)
    say(f"Registered the app “{name}” that people sign in with: {client_id}")
    _make_first_administrator(enterprise_app, name)


def _registration(name: str) -> str:
    """The client id of the app of that name, made if it is not there: an earlier try may have ended half-way."""
    roles = f"@{ROLES}"
    same = [one for one in az("ad", "app", "list", "--display-name", name) or [] if one["displayName"] == name]
    if len(same) > 1:
        raise Stop(
            f"There are {len(same)} app registrations named “{name}”. Say which one people sign in with: "
            "azd env set ENTRA_CLIENT_ID <its client id>"
        )
    if same:
        client_id = str(same[0]["appId"])
        az("ad", "app", "update", "--id", client_id, "--app-roles", roles)
        return client_id
    only_us = ("--sign-in-audience", "AzureADMyOrg")
    return str(az("ad", "app", "create", "--display-name", name, *only_us, "--app-roles", roles)["appId"])


def _enterprise_app(client_id: str) -> dict[str, Any]:
    """The registration's enterprise app, into which nobody gets who was not given a role."""
    try:
        found = az("ad", "sp", "show", "--id", client_id)
    except Refused:
        found = az("ad", "sp", "create", "--id", client_id)
    az("ad", "sp", "update", "--id", client_id, "--set", "appRoleAssignmentRequired=true")
    return dict(found)


def _make_first_administrator(enterprise_app: dict[str, Any], name: str) -> None:
    roles = json.loads(ROLES.read_text(encoding="utf-8"))
    administrator = next(one["id"] for one in roles if one["value"] == "Administrator")
    where = f"Entra > Enterprise applications > {name} > Users and groups"
    try:
        person = az("ad", "signed-in-user", "show")
        given = {"principalId": person["id"], "resourceId": enterprise_app["id"], "appRoleId": administrator}
        with json_file(given) as body:
            address = f"{GRAPH}/servicePrincipals/{enterprise_app['id']}/appRoleAssignedTo"
            az("rest", "--method", "POST", "--uri", address, "--body", body)
    except Refused:
        say(f"Nobody can sign in yet. Give people a role: {where}")
        return
    say(f"You are its first administrator. Give others a role: {where}")


if __name__ == "__main__":
    sys.exit(run_hook(register_app))
