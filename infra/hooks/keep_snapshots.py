"""Before `azd down`: not where the segments lie in an account that was there before.

`azd down` deletes every resource group that the deployment has touched, with all that is in it, and that account's is
among them. What was deployed counts, and not only what the environment says now.
"""

from __future__ import annotations

import sys

from azure_cli import Stop, run_hook, value, value_or_none


def keep_snapshots() -> None:
    """Stop with what to do instead."""
    account = value_or_none("SNAPSHOT_STORAGE_ACCOUNT") or _deployed_elsewhere()
    if not account:
        return
    raise Stop(
        f"`azd down` would also delete the resource group of the storage account {account}, which was there before,"
        " with all that is in it. Nothing was deleted. Delete what `azd up` made with\n"
        f"  az group delete --name {value('AZURE_RESOURCE_GROUP')}\n"
        "docs/operate.md, “Delete everything”, says what else there is."
    )


def _deployed_elsewhere() -> str | None:
    """The name of the account with the segments, when it is in another resource group than the app."""
    account_id = value_or_none("SNAPSHOT_ACCOUNT_ID")
    if not account_id:
        return None
    # /subscriptions/<id>/resourceGroups/<group>/providers/…/<name>
    parts = account_id.split("/")
    return None if parts[4].lower() == value("AZURE_RESOURCE_GROUP").lower() else parts[-1]


if __name__ == "__main__":
    sys.exit(run_hook(keep_snapshots))
