"""After the resources are there: the registration learns the app's address, and trusts the app's identity in place of a
client secret. Running it again changes nothing.

It only changes what is not as it should be, so that somebody who may look but not change can deploy again. What was
done is kept as ENTRA_TRUSTS, so that a pipeline goes on that may not even look.
"""

from __future__ import annotations

import sys
from typing import Any

from azure_cli import Refused, Stop, az, json_file, keep, run_hook, say, tenant, value, value_or_none

CREDENTIAL = "segment-exports"
CALLBACK = "/.auth/login/aad/callback"


def trust_app() -> None:
    """Bring the registration up to date."""
    client_id, identity = value("ENTRA_CLIENT_ID"), value("APP_IDENTITY_PRINCIPAL_ID")
    if value_or_none("APP_SIGN_IN_CLIENT_ID") != client_id:
        raise Stop("The app was made for another registration than ENTRA_CLIENT_ID. Run: azd provision")
    site = value_or_none("SITE_URL")
    addresses = [one.rstrip("/") for one in (value("APP_ADDRESS"), site) if one]
    done = " ".join([client_id, identity, *addresses])
    if value_or_none("ENTRA_TRUSTS") != done:
        in_tenant = tenant()
        try:
            _lead_back(client_id, addresses)
            _trust(client_id, identity, in_tenant)
        except Refused as why:
            raise Stop(
                f"The app registration {client_id} could not be changed. An owner of it has to run this, signed in"
                f" with `az login`: azd hooks run postprovision\n{why}"
            ) from None
        keep("ENTRA_TRUSTS", done)
    say(f"Enter this redirect address at Constant Contact: {addresses[-1]}/connections/callback")


def _lead_back(client_id: str, addresses: list[str]) -> None:
    """Sign-in leads back to the app, with an ID token; addresses that are there already stay."""
    web = az("ad", "app", "show", "--id", client_id).get("web") or {}
    known = web.get("redirectUris") or []
    missing = [f"{one}{CALLBACK}" for one in addresses if f"{one}{CALLBACK}" not in known]
    if missing or not (web.get("implicitGrantSettings") or {}).get("enableIdTokenIssuance"):
        id_tokens = ("--enable-id-token-issuance", "true")
        az("ad", "app", "update", "--id", client_id, *id_tokens, "--web-redirect-uris", *known, *missing)


def _trust(client_id: str, identity: str, in_tenant: str) -> None:
    wanted: dict[str, Any] = {
        "name": CREDENTIAL,
        "issuer": f"https://login.microsoftonline.com/{in_tenant}/v2.0",
        "subject": identity,
        "audiences": ["api://AzureADTokenExchange"],
    }
    of_app = ("ad", "app", "federated-credential")
    known = az(*of_app, "list", "--id", client_id) or []
    same = [one for one in known if (one["issuer"], one["subject"]) == (wanted["issuer"], wanted["subject"])]
    if same:
        return
    with json_file(wanted) as parameters:
        if any(one["name"] == CREDENTIAL for one in known):
            name = ("--federated-credential-id", CREDENTIAL)
            az(*of_app, "update", "--id", client_id, *name, "--parameters", parameters)
        else:
            az(*of_app, "create", "--id", client_id, "--parameters", parameters)


if __name__ == "__main__":
    sys.exit(run_hook(trust_app))
