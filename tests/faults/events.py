"""What can go wrong around a run: each event strikes the running stand once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psutil
import requests
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from local.processes import Child
from local.stand import Stand
from shared.queues import ACTIVITIES, BATCHES, RUNS, Message
from tests.faults.storage_gate import StorageGates

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
# Longer than the app waits for an answer, and not so long that it may take the request for lost.
SLOW_SECONDS = 7
# Access tokens live a little longer than the app wants them to, so each is refreshed after a minute.
ACCESS_TOKEN_SECONDS = 660
CLOCK_JUMP_SECONDS = 900
SLOW_STORAGE_SECONDS = 5
POISON = "a contact that makes its file fail"
DAYS_END = "the day's calls are used up"
WAITED_FOR_THE_DAY = "a run waits for 00:00 UTC"
# What each event is, for people.
MEANINGS = {
    "a host killed (kill -9)": "At any moment; it is started again half a second later.",
    "Constant Contact fails an upload": "One of the faults below strikes the next upload, some twice.",
    "Constant Contact fails while it is followed": "Two looks at the activities get no answer, a 503 or a 500.",
    "Constant Contact's clock jumps 15 minutes": "Every access token is over at once.",
    "Key Vault refuses 6 or 20 calls": "They are answered with 503.",
    "Key Vault away for 1 to 6 seconds": "It is stopped and started again.",
    "a message comes twice": "A queue message of any step of the run is sent once more.",
    "a message of a later step comes early": "Batches are to be uploaded, and followed, that may not be there yet.",
    "the messages of a queue change their order": "What is visible in a queue is taken out and put back shuffled.",
    "storage away for 1 to 5 seconds": "Blobs, queues and tables: nobody can connect, and who is connected is cut off.",
    "storage hangs for 1 to 4 seconds": "The account takes connections and answers nobody.",
    "the tables alone away for 1 to 10 seconds": ("Messages come and files can be read, but the state of no run."),
    "storage slow for 5 seconds": "Every request to blobs, queues and tables is held up by 0.2 to 1.5 seconds.",
    POISON: (
        "Constant Contact answers 400 to every file with this contact in it. The run has to find it by halving its "
        "batch, reject it alone and name its line."
    ),
    DAYS_END: (
        "Once, half a minute before 00:00 UTC by the clocks of the hosts, the app's count and Constant Contact's are "
        "set to three calls left; at 00:00 UTC Constant Contact counts anew. Runs have to wait and go on by themselves."
    ),
    WAITED_FOR_THE_DAY: "How many runs were seen to do so.",
}
# As long as a refresh may hold the lease of its connection.
_LONGEST_REFRESH_SECONDS = 60


class Events:
    """Strikes the stand, and counts what it did."""

    def __init__(self, stand: Stand, gates: StorageGates) -> None:
        self._stand = stand
        self._gates = gates
        self.done: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.kills_put_off = 0
        self._hanging, self._vault = threading.Lock(), threading.Lock()
        self._away, self._pace = threading.Lock(), threading.Lock()
        self._counting = threading.Lock()
        self.kinds: dict[str, Callable[[random.Random, Message], None]] = {
            "a host killed (kill -9)": self._kill_host,
            "Constant Contact fails an upload": self._fail_upload,
            "Constant Contact fails while it is followed": self._fail_following,
            "Constant Contact's clock jumps 15 minutes": self._jump_clock,
            "Key Vault refuses 6 or 20 calls": self._refuse_secrets,
            "Key Vault away for 1 to 6 seconds": self._stop_vault,
            "a message comes twice": self._repeat_message,
            "a message of a later step comes early": self._early_message,
            "the messages of a queue change their order": self._reorder_messages,
            "storage away for 1 to 5 seconds": self._stop_storage,
            "the tables alone away for 1 to 10 seconds": self._cut_off_tables,
            "storage slow for 5 seconds": self._slow_storage,
        }
        if hasattr(signal, "SIGSTOP"):
            self.kinds["storage hangs for 1 to 4 seconds"] = self._hang_storage

    def strike(self, kind: str, seed: str, run: Message) -> None:
        """Let one event happen. One that needs the storage account while that is away is counted as missed."""
        try:
            self.kinds[kind](random.Random(seed), run)
        except AzureError:
            self.missed[kind] += 1
        else:
            self.count(kind)

    def count(self, what: str) -> None:
        """One more of these has happened."""
        with self._counting:
            self.done[what] += 1

    @contextlib.contextmanager
    def tables_away(self) -> Iterator[None]:
        """While the block lasts no host can reach a table."""
        with self._away, self._gates.tables.closed():
            yield

    def poison(self, address: str) -> None:
        """Let Constant Contact refuse every file with this address in it, from now on."""
        self._simulator("faults", {"name": "poison-contact", "match": address})
        self.count(POISON)

    def kill_all_hosts(self) -> None:
        """Kill every host at once."""
        self._kill(*self._stand.hosts)

    def _kill_host(self, chance: random.Random, _run: Message) -> None:
        self._kill(chance.choice(self._stand.hosts))

    def _kill(self, *hosts: Child) -> None:
        """Kill hosts, but none between spending a refresh token and saving its successor.

        Where refresh tokens rotate, whoever dies there loses the connection's grant and nobody can bring it back: it
        has to be signed in again. That is told in the documents and is not what the soak is to find out.
        """
        began = time.monotonic()
        while self._refreshing() and time.monotonic() < began + _LONGEST_REFRESH_SECONDS:
            time.sleep(0.05)
        self.kills_put_off += time.monotonic() - began > 0.05
        for host in hosts:
            if host.exit_code is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(host.pid).kill()

    def _refreshing(self) -> bool:
        """Whether a host holds the refresh lease of a connection, or nobody can tell."""
        try:
            with BlobServiceClient.from_connection_string(self._stand.azurite.connection_string) as service:
                locks = service.get_container_client("locks").list_blobs(name_starts_with="refresh/")
                return any(lock.lease.status == "locked" for lock in locks)
        except ResourceNotFoundError:
            return False
        except AzureError:
            return True

    def _fail_upload(self, chance: random.Random, _run: Message) -> None:
        name = chance.choice(sorted(DESTINATION))
        self._simulator("faults", {"name": name, "times": DESTINATION[name], "delay_seconds": SLOW_SECONDS})

    def _fail_following(self, chance: random.Random, _run: Message) -> None:
        self._simulator("faults", {"name": chance.choice(FOLLOWING), "times": 2, "path": "/v3/activities"})

    def _jump_clock(self, _chance: random.Random, _run: Message) -> None:
        self._simulator("clock", {"advance_seconds": CLOCK_JUMP_SECONDS})

    def _simulator(self, path: str, body: dict[str, object]) -> None:
        requests.post(f"{self._stand.simulator_url}/_simulator/{path}", json=body, timeout=60).raise_for_status()

    def _refuse_secrets(self, chance: random.Random, _run: Message) -> None:
        url = f"{self._stand.settings['KEY_VAULT_URL']}/_faults"
        refusals = {"status": 503, "times": chance.choice([6, 20])}
        with self._vault:
            requests.post(
                url, json=refusals, verify=self._stand.settings["REQUESTS_CA_BUNDLE"], timeout=30
            ).raise_for_status()

    def _stop_vault(self, chance: random.Random, _run: Message) -> None:
        with self._vault, self._stand.without("Key Vault"):
            time.sleep(chance.uniform(1, 6))

    def _stop_storage(self, chance: random.Random, _run: Message) -> None:
        # Not Azurite itself is stopped: started again, it would take every lease for over.
        with self._away, self._gates.closed():
            time.sleep(chance.uniform(1, 5))

    def _hang_storage(self, chance: random.Random, _run: Message) -> None:
        with self._hanging:
            pid = self._stand.pid("Azurite")
            os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(chance.uniform(1, 4))
            finally:
                os.kill(pid, signal.SIGCONT)

    def _cut_off_tables(self, chance: random.Random, _run: Message) -> None:
        with self.tables_away():
            time.sleep(chance.uniform(1, 10))

    def _slow_storage(self, chance: random.Random, _run: Message) -> None:
        with self._pace, self._gates.slow(chance.uniform(0.2, 1.5)):
            time.sleep(SLOW_STORAGE_SECONDS)

    def _repeat_message(self, chance: random.Random, run: Message) -> None:
        queue, message = chance.choice([(RUNS, run), (ACTIVITIES, run), (BATCHES, _first_batch(run))])
        self._send(queue, message, after_seconds=chance.randrange(3))

    def _early_message(self, _chance: random.Random, run: Message) -> None:
        self._send(ACTIVITIES, run.model_copy(update={"turn": 3}))
        self._send(BATCHES, _first_batch(run))

    def _reorder_messages(self, chance: random.Random, _run: Message) -> None:
        """Take out what is visible in each queue and put it back in another order, some of it seconds later."""
        for name in (RUNS, BATCHES, ACTIVITIES):
            # Without a policy the client passes the content on as it is.
            with self._queue(name) as queue, contextlib.suppress(ResourceNotFoundError):
                taken = list(queue.receive_messages(messages_per_page=32, max_messages=32, visibility_timeout=30))
                chance.shuffle(taken)
                for message in taken:
                    queue.send_message(message.content, visibility_timeout=chance.randrange(4), time_to_live=-1)
                    queue.delete_message(message)

    def _send(self, queue: str, message: Message, after_seconds: int = 0) -> None:
        # The app makes a queue when it first sends to it; before that there is nothing to disturb.
        with self._queue(queue, TextBase64EncodePolicy()) as client, contextlib.suppress(ResourceNotFoundError):
            client.send_message(message.model_dump_json(exclude_defaults=True), visibility_timeout=after_seconds)

    def _queue(self, name: str, policy: TextBase64EncodePolicy | None = None) -> QueueClient:
        return QueueClient.from_connection_string(
            self._stand.azurite.connection_string, name, message_encode_policy=policy
        )


def _first_batch(run: Message) -> Message:
    return run.model_copy(update={"batch": "0001"})
