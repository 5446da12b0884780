"""Before a private network is made: the subscription has the provider without which the app does not get into it."""

from __future__ import annotations

import sys

from azure_cli import Refused, Stop, az, run_hook, say, value_or_none

PROVIDER = ("--namespace", "Microsoft.App")


def prepare_network() -> None:
    """Register the provider where it is needed and not registered; stop with what to do where that is refused."""
    if (value_or_none("PRIVATE_NETWORK") or "false").lower() != "true":
        return
    try:
        # Looked at first: a pipeline may deploy without the right to register.
        if az("provider", "show", *PROVIDER)["registrationState"] == "Registered":
            return
        say("Registering the provider Microsoft.App in the subscription, which takes a minute or two …")
        az("provider", "register", *PROVIDER, "--wait")
    except Refused as why:
        raise Stop(
            "A private network needs the provider Microsoft.App. Have an Owner or Contributor of the subscription run\n"
            f"  az provider register --namespace Microsoft.App --wait\nthen run `azd up` again.\n{why}"
        ) from None


if __name__ == "__main__":
    sys.exit(run_hook(prepare_network))
