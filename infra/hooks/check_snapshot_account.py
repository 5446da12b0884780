"""Before anything is made: whether the existing storage account that the segments are written to will do.

Only looks. What it finds out - the account's resource group, and whether it has an Event Grid system topic already - it
keeps for the parameters. Without SNAPSHOT_STORAGE_ACCOUNT an account is made, and there is nothing to look at.
"""

from __future__ import annotations

import sys
from typing import Any

from azure_cli import Refused, Stop, az, keep, run_hook, say, value_or_none


def check_snapshot_account() -> None:
    """Stop with what to do where the account will not do."""
    name = value_or_none("SNAPSHOT_STORAGE_ACCOUNT")
    if not name:
        return
    account = _account(name)
    group = str(account["resourceGroup"])
    _soft_delete_is_off(name, group)
    _container_is_there(name, group, value_or_none("SNAPSHOT_CONTAINER") or "segments")
    topic = topic_of(str(account["id"]))
    keep("SNAPSHOT_STORAGE_RESOURCE_GROUP", group)
    # One that was made here before is made again, which changes nothing.
    theirs = topic is not None and not _made_here(topic, name, group)
    keep("SNAPSHOT_STORAGE_HAS_TOPIC", "true" if theirs else "false")
    say(f"Segments are read from the storage account {name}.")


def topic_of(account_id: str) -> dict[str, Any] | None:
    """The Event Grid system topic of a storage account: there is one at the most."""
    answer = az("eventgrid", "system-topic", "list") or []
    topics = answer.get("value", []) if isinstance(answer, dict) else answer
    return next((one for one in topics if str(one["source"]).lower() == account_id.lower()), None)


def _made_here(topic: dict[str, Any], account: str, group: str) -> bool:
    """Whether a topic of the account is the one that an earlier deployment made: by its name, its place and its tag."""
    place = (str(topic["name"]).lower(), str(topic["resourceGroup"]).lower())
    tagged = (topic.get("tags") or {}).get("workload") == "segment-exports"
    return tagged and place == (f"egst-{account}".lower(), group.lower())


def _account(name: str) -> dict[str, Any]:
    try:
        found = az("storage", "account", "show", "--name", name)
    except Refused as why:
        raise Stop(
            f"The storage account {name} (SNAPSHOT_STORAGE_ACCOUNT) cannot be looked at. It has to be in the"
            " subscription of this environment, and you need the role Owner on it, or Contributor with User Access"
            f" Administrator.\n{why}"
        ) from None
    return dict(found)


def _soft_delete_is_off(name: str, group: str) -> None:
    of_account = ("--account-name", name, "--resource-group", group)
    service = az("storage", "account", "blob-service-properties", "show", *of_account) or {}
    if (service.get("deleteRetentionPolicy") or {}).get("enabled"):
        change = "az storage account blob-service-properties update --enable-delete-retention false"
        raise Stop(
            f"Blob soft delete is on in the storage account {name}. Customer Insights cannot write segments to an"
            " account with blob soft delete, so nothing would ever arrive. Switch it off, in the portal (the account,"
            " Data protection) or with\n"
            f"  {change} --account-name {name} --resource-group {group}\n"
            "then run `azd up` again. To leave that account as it is and have one made: "
            'azd env set SNAPSHOT_STORAGE_ACCOUNT ""'
        )


def _container_is_there(name: str, group: str, container: str) -> None:
    of_account = ("--storage-account", name, "--resource-group", group)
    answer = az("storage", "container-rm", "exists", "--name", container, *of_account) or {}
    if not answer.get("exists"):
        raise Stop(
            f"The storage account {name} has no container {container}. Make it, with\n"
            f"  az storage container-rm create --name {container} --storage-account {name} --resource-group {group}\n"
            "or name the one that the segments are in: azd env set SNAPSHOT_CONTAINER <name>"
        )


if __name__ == "__main__":
    sys.exit(run_hook(check_snapshot_account))
