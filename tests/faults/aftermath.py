"""What is left when all runs have ended: nothing may be under way, and every connection must still work."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from exporters.runs import ENDED
from local.stand import Stand
from shared.models import Connection

# Messages of runs that have ended come once more and are dropped; some are hidden for ten minutes.
_LONGEST_WAIT_SECONDS = 660


@dataclass(frozen=True)
class Leftovers:
    """What should not be there: runs that have not ended, slots that are held, messages, by queue."""

    runs: int
    slots: int
    messages: dict[str, int]

    @property
    def nothing(self) -> bool:
        """Whether all is done."""
        return not self.runs and not self.slots and not self.messages


def leftovers(stand: Stand) -> Leftovers:
    """What is left, after messages on their way have had the time to come."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not (found := _look(stand)).nothing and time.monotonic() < deadline:
        time.sleep(2)
    return found


def _look(stand: Stand) -> Leftovers:
    runs = slots = 0
    with TableServiceClient.from_connection_string(stand.azurite.connection_string) as tables:
        for row in tables.get_table_client("Runs").list_entities():
            document = json.loads("".join(row[name] for name in sorted(row) if name.startswith("document")))
            if row["RowKey"] == "slot":
                slots += document["run_id"] is not None
            else:
                runs += document["status"] not in ENDED
    with QueueServiceClient.from_connection_string(stand.azurite.connection_string) as service:
        counts = {
            queue.name: service.get_queue_client(queue.name).get_queue_properties().approximate_message_count or 0
            for queue in service.list_queues()
        }
    return Leftovers(runs, slots, {name: count for name, count in counts.items() if count})


def living_grants(stand: Stand, connections: Sequence[Connection]) -> int:
    """How many connections' refresh tokens, as Key Vault holds them, Constant Contact still takes. Each is used up."""
    requests.delete(f"{stand.simulator_url}/_simulator/faults", timeout=30).raise_for_status()
    return sum(_lives(stand, json.loads(stand.secret(one.secret_name))["refresh_token"]) for one in connections)


def takes(stand: Stand, refresh_token: str) -> bool:
    """Whether Constant Contact would still take a refresh token, without using it."""
    address = f"{stand.simulator_url}/_simulator/refresh-tokens"
    answer = requests.post(address, json={"refresh_token": refresh_token}, timeout=60)
    answer.raise_for_status()
    return bool(answer.json()["taken"])


def _lives(stand: Stand, refresh_token: str) -> bool:
    while True:
        answer = requests.post(
            f"{stand.settings['CONSTANT_CONTACT_AUTH_URL']}/token",
            data={"grant_type": "refresh_token", "refresh_token": refresh_token},
            auth=(stand.account.client_id, stand.account.client_secret),
            timeout=30,
        )
        if answer.status_code != 429:
            return answer.ok
        # The token endpoint takes one request a second.
        time.sleep(1.1)
