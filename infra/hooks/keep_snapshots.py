"""Before `azd down`: not where the segments lie in an account that was there before.

`azd down` deletes every resource group that the deployment has touched, with all that is in it, and that account's is
among them.
"""

from __future__ import annotations

import sys

from azure_cli import Stop, run_hook, value, value_or_none


def keep_snapshots() -> None:
    """Stop with what to do instead."""
    account = value_or_none("SNAPSHOT_STORAGE_ACCOUNT")
    if not account:
        return
    raise Stop(
        f"`azd down` would also delete the resource group of the storage account {account}, which was there before,"
        " with all that is in it. Nothing was deleted. Delete what `azd up` made with\n"
        f"  az group delete --name {value('AZURE_RESOURCE_GROUP')}\n"
        "docs/operate.md, “Delete everything”, says what else there is."
    )


if __name__ == "__main__":
    sys.exit(run_hook(keep_snapshots))
