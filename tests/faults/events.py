"""What can go wrong around a run: each event strikes the running stand once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import psutil
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from local.stand import Stand
from shared.queues import ACTIVITIES, BATCHES, RUNS, Message

# Faults of the destination after which a run can still end well, and how often each strikes.
DESTINATION = {
    "throttled": 2,
    "queue-full": 1,
    "unauthorized": 1,
    "server-error": 2,
    "unavailable": 2,
    "cut-before": 1,
    "cut-after": 1,
    "answer-lost": 1,
    "slow": 1,
    "token-unavailable": 2,
}
FOLLOWING = ("unavailable", "cut-before", "server-error")


class Events:
    """Strikes the stand, and counts what it did."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self.done: Counter[str] = Counter()
        self.kinds: dict[str, Callable[[random.Random, Message], None]] = {
            "a host killed (kill -9)": self._kill_host,
            "Constant Contact fails an upload": self._fail_upload,
            "Constant Contact fails while it is followed": self._fail_following,
            "Key Vault refuses": self._refuse_secrets,
            "a message comes twice": self._repeat_message,
            "a message of a later step comes early": self._early_message,
        }
        if hasattr(signal, "SIGSTOP"):
            self.kinds["storage hangs"] = self._hang_storage

    def strike(self, kind: str, chance: random.Random, run: Message) -> None:
        """Let one event happen."""
        self.kinds[kind](chance, run)
        self.done[kind] += 1

    def _kill_host(self, chance: random.Random, _run: Message) -> None:
        host = chance.choice(self._stand.hosts)
        try:
            psutil.Process(host.pid).kill()
        except psutil.NoSuchProcess:
            return

    def _fail_upload(self, chance: random.Random, _run: Message) -> None:
        name = chance.choice(sorted(DESTINATION))
        self._arm({"name": name, "times": DESTINATION[name], "delay_seconds": 20})

    def _fail_following(self, chance: random.Random, _run: Message) -> None:
        self._arm({"name": chance.choice(FOLLOWING), "times": 2, "path": "/v3/activities"})

    def _arm(self, fault: dict[str, object]) -> None:
        requests.post(f"{self._stand.simulator_url}/_simulator/faults", json=fault, timeout=30).raise_for_status()

    def _refuse_secrets(self, _chance: random.Random, _run: Message) -> None:
        url = f"{self._stand.settings['KEY_VAULT_URL']}/_faults"
        authorities = self._stand.settings["REQUESTS_CA_BUNDLE"]
        requests.post(url, json={"status": 503, "times": 6}, verify=authorities, timeout=30).raise_for_status()

    def _hang_storage(self, chance: random.Random, _run: Message) -> None:
        azurite = next(
            process
            for process in psutil.Process().children(recursive=True)
            if any("azurite.js" in part for part in process.cmdline())
        )
        os.kill(azurite.pid, signal.SIGSTOP)
        try:
            time.sleep(chance.uniform(1, 4))
        finally:
            os.kill(azurite.pid, signal.SIGCONT)

    def _repeat_message(self, chance: random.Random, run: Message) -> None:
        queue, message = chance.choice([(RUNS, run), (ACTIVITIES, run), (BATCHES, _first_batch(run))])
        self._send(queue, message, after_seconds=chance.randrange(3))

    def _early_message(self, _chance: random.Random, run: Message) -> None:
        self._send(ACTIVITIES, run.model_copy(update={"turn": 3}))
        self._send(BATCHES, _first_batch(run))

    def _send(self, queue: str, message: Message, after_seconds: int = 0) -> None:
        connection = self._stand.settings["AzureWebJobsStorage"]
        with (
            QueueClient.from_connection_string(
                connection, queue, message_encode_policy=TextBase64EncodePolicy()
            ) as client,
            # The app makes a queue when it first sends to it; before that there is nothing to disturb.
            contextlib.suppress(ResourceNotFoundError),
        ):
            client.send_message(message.model_dump_json(exclude_defaults=True), visibility_timeout=after_seconds)


def _first_batch(run: Message) -> Message:
    return run.model_copy(update={"batch": "0001"})
