"""Before anything is made: the app registration that people sign in with, its roles and its approval.

It is made once, and kept as ENTRA_CLIENT_ID; set that first to use a registration of your own. Whoever runs this needs
the right to register apps in Entra (the role Application Developer, where not everybody may); who may not approve it
for everybody is told who may. Entra takes a while to hear of what is new, so some of it is tried again. Cut short, it
goes on where it stopped: the registration is found by its name.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from azure_cli import INFRA, Refused, Stop, az, json_file, keep, run_hook, say, tenant, value, value_or_none, wait

ROLES = INFRA / "app-roles.json"
# What signing in asks for, as a registration names it: openid, profile and email of Microsoft Graph.
PERMISSIONS = INFRA / "app-permissions.json"
SCOPE = "openid profile email"
MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
GRAPH = "https://graph.microsoft.com/v1.0"
# What Entra says of something that another part of it made a moment ago.
NOT_YET = (
    "does not reference",
    "does not exist",
    "doesn't exist",
    "was not found",
    "Request_ResourceNotFound",
    "Not a valid reference update",
)
NOT_ALLOWED = ("Insufficient privileges", "Authorization_RequestDenied")
DONE_BEFORE = "already exists"

Patiently = Callable[[Callable[[], Any]], Any]


def register_app(patience: float = 60.0, pause: float = 5.0) -> None:
    """Register the app unless there is a registration, trying each step for `patience` seconds, with pauses."""
    if value_or_none("ENTRA_CLIENT_ID"):
        return
    name = f"Segment exports ({value('AZURE_ENV_NAME')})"
    patiently = partial(_patiently, patience=patience, pause=pause)
    in_tenant = tenant()
    try:
        client_id = _registration(name)
        enterprise_app = _enterprise_app(client_id, patiently)
    except Refused as why:
        raise Stop(f"Entra did not register the app that people sign in with. {_advice(str(why))}\n{why}") from None
    say(f"Registered the app “{name}” that people sign in with: {client_id}")
    _approve(client_id, enterprise_app, in_tenant, patiently)
    _make_first_administrator(enterprise_app, name, patiently)
    # Last of all: with it, the next time nothing of the above is done.
    keep("ENTRA_CLIENT_ID", client_id)


def _patiently(call: Callable[[], Any], patience: float, pause: float) -> Any:
    until = time.monotonic() + patience
    while True:
        try:
            return call()
        except Refused as refused:
            early = any(words in str(refused) for words in NOT_YET)
            if not early or not wait(until, pause, "Entra has not heard of it everywhere yet; trying again …"):
                raise


def _advice(why: str) -> str:
    if any(words in why for words in NOT_ALLOWED):
        return (
            "Have somebody register it who may (docs/install.md says how), then: "
            "azd env set ENTRA_CLIENT_ID <its client id>"
        )
    return "Run `azd up` again; it goes on where it stopped."


def _registration(name: str) -> str:
    """The client id of the app of that name, made if it is not there: an earlier try may have ended half-way."""
    contents = ("--app-roles", f"@{ROLES}", "--required-resource-accesses", f"@{PERMISSIONS}")
    same = [one for one in az("ad", "app", "list", "--display-name", name) or [] if one["displayName"] == name]
    if len(same) > 1:
        raise Stop(
            f"There are {len(same)} app registrations named “{name}”. Say which one people sign in with: "
            "azd env set ENTRA_CLIENT_ID <its client id>"
        )
    if same:
        client_id = str(same[0]["appId"])
        az("ad", "app", "update", "--id", client_id, *contents)
        return client_id
    only_us = ("--sign-in-audience", "AzureADMyOrg")
    return str(az("ad", "app", "create", "--display-name", name, *only_us, *contents)["appId"])


def _enterprise_app(client_id: str, patiently: Patiently) -> str:
    """The id of the registration's enterprise app, into which nobody gets who was not given a role."""

    def found_or_made() -> Any:
        try:
            return az("ad", "sp", "show", "--id", client_id)
        except Refused:
            return az("ad", "sp", "create", "--id", client_id)

    enterprise_app = str(patiently(found_or_made)["id"])
    patiently(lambda: az("ad", "sp", "update", "--id", client_id, "--set", "appRoleAssignmentRequired=true"))
    return enterprise_app


def _approve(client_id: str, enterprise_app: str, in_tenant: str, patiently: Patiently) -> None:
    """Approve for everybody what signing in asks for: where a role is required, nobody may do so for themselves."""
    try:
        graph = az("ad", "sp", "show", "--id", MICROSOFT_GRAPH)["id"]
        grant = {"clientId": enterprise_app, "consentType": "AllPrincipals", "resourceId": graph, "scope": SCOPE}
        _post(f"{GRAPH}/oauth2PermissionGrants", grant, patiently)
    except Refused as why:
        say(
            f"\n{why}\nNobody can sign in before an administrator has approved the app: once, when `azd up` has ended,"
            " by a Cloud Application Administrator or above, at\n"
            f"  https://login.microsoftonline.com/{in_tenant}/adminconsent?client_id={client_id}\n"
        )


def _make_first_administrator(enterprise_app: str, name: str, patiently: Patiently) -> None:
    roles = json.loads(ROLES.read_text(encoding="utf-8"))
    administrator = next(one["id"] for one in roles if one["value"] == "Administrator")
    where = f"Entra > Enterprise applications > {name} > Users and groups"
    try:
        person = az("ad", "signed-in-user", "show")
        given = {"principalId": person["id"], "resourceId": enterprise_app, "appRoleId": administrator}
        _post(f"{GRAPH}/servicePrincipals/{enterprise_app}/appRoleAssignedTo", given, patiently)
    except Refused:
        say(f"Nobody can sign in yet. Give people a role: {where}")
        return
    say(f"You have its role Administrator. Give others a role: {where}")


def _post(address: str, content: dict[str, Any], patiently: Patiently) -> None:
    """Have Microsoft Graph make something; that it is there already is as good."""
    with json_file(content) as body:
        try:
            patiently(lambda: az("rest", "--method", "POST", "--uri", address, "--body", body))
        except Refused as why:
            if DONE_BEFORE not in str(why):
                raise


if __name__ == "__main__":
    # How long to try and to pause, in seconds, when that is not to be a minute and five seconds.
    times = [float(one) for one in sys.argv[1:]]
    sys.exit(run_hook(lambda: register_app(*times)))
