"""After the code is there: Event Grid tells the app of new snapshots. Running it again changes nothing.

The key for such calls is made by the Functions host when it first starts with the code, minutes after the deployment;
and Event Grid asks the app whether it wants the events, which must then be answering. So both are tried for a while.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from azure_cli import INFRA, Refused, Stop, az, json_file, run_hook, say, value, wait
from check_snapshot_account import topic_of

AGAIN = "Wait until the pages open, then run: azd hooks run postdeploy\nIf they never do: docs/install.md, step 2."


def subscribe_to_snapshots(patience: float = 600.0, pause: float = 10.0) -> None:
    """Subscribe, trying for `patience` seconds, with pauses; say it when the app is slow to start."""
    account_id = value("SNAPSHOT_ACCOUNT_ID")
    topic = topic_of(account_id)
    if topic is None:
        raise Stop(
            f"The storage account {account_id.rsplit('/', 1)[-1]} has no Event Grid system topic. Run `azd provision`, "
            "then: azd hooks run postdeploy"
        )
    until = time.monotonic() + patience
    key = _key(until, pause)
    container = value("SNAPSHOT_CONTAINER_NAME")
    parameters = {
        "name": value("APP_NAME"),
        "topicName": topic["name"],
        "appAddress": value("APP_ADDRESS"),
        "containerName": container,
        "key": key,
    }
    _deploy(str(topic["resourceGroup"]), {name: {"value": given} for name, given in parameters.items()}, until, pause)
    say(f"New snapshots in the container {container} reach the app.")


def _key(until: float, pause: float) -> str:
    of_app = ("--resource-group", value("AZURE_RESOURCE_GROUP"), "--name", value("APP_NAME"))
    why = "The host has not made it yet."
    while True:
        try:
            keys: dict[str, Any] = az("functionapp", "keys", "list", *of_app) or {}
            found = (keys.get("systemKeys") or {}).get("blobs_extension")
            if found:
                return str(found)
        except Refused as refused:
            why = str(refused)
        if not wait(until, pause, "Waiting for the app to start …"):
            raise Stop(f"The app has no key for blob events yet. {AGAIN}\n{why}")


def _deploy(group: str, parameters: dict[str, Any], until: float, pause: float) -> None:
    template = str(INFRA / "modules" / "subscription.bicep")
    with json_file({"parameters": parameters}) as file:
        where = ("--resource-group", group, "--name", "subscribe-to-snapshots")
        while True:
            try:
                az("deployment", "group", "create", *where, "--template-file", template, "--parameters", file)
                return
            except Refused as refused:
                why = str(refused)
            if not wait(until, pause, "Event Grid was not answered yet; trying again …"):
                raise Stop(f"Event Grid could not be told to send new snapshots to the app. {AGAIN}\n{why}")


if __name__ == "__main__":
    # How long to try and to pause, in seconds, when that is not to be ten minutes and ten seconds.
    times = [float(one) for one in sys.argv[1:]]
    sys.exit(run_hook(lambda: subscribe_to_snapshots(*times)))
