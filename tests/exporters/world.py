"""The surroundings of an export: real storage, vault and simulator, a clock that can be moved, a queue in hand."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from exporters import start
from exporters.constant_contact.client import Account
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from exporters.constant_contact.session import timed_session
from exporters.constant_contact.sign_in import SignIn
from exporters.constant_contact.tokens import CLIENT_SECRET_NAME, Tokens
from exporters.files import RunFiles
from exporters.history import History
from exporters.known_counts import KnownCounts
from exporters.last_look import LastLook
from exporters.run_store import RunStore
from exporters.runs import Run
from exporters.services import Services
from exporters.steps import run_step
from local.azurite import Azurite
from local.constant_contact.oauth.grants import App, Grant
from local.constant_contact.server import Simulator
from local.constant_contact.state import LOCAL_LIST_ID, LOCAL_OWNER
from shared.audit import AuditEntry, AuditLog, month_of
from shared.clock import TableClock
from shared.documents import Connections, Exports, new_id
from shared.drafts import Drafts
from shared.loose_secrets import LooseSecrets
from shared.models import Connection, Consent, Export
from shared.queues import Message, Queues
from shared.secrets import Secrets
from shared.settings import Settings, load_settings


def refresh(services: Services) -> list[Run]:
    """What the app does when its refresh schedule says that it is time, as if that were now."""
    due = services.now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start, "last_refresh", lambda *_: due)
        return start.start_due(services)


class Clock:
    """The real time, moved forward by what was waited for."""

    def __init__(self, simulator: Simulator) -> None:
        self.ahead = timedelta()
        self._simulator = simulator

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        if seconds > 0:
            self.ahead += timedelta(seconds=seconds)
            self._simulator.state.advance_clock(seconds)


@dataclass(order=True)
class Waiting:
    """A message on its way."""

    due: datetime
    number: int
    queue: str = field(compare=False)
    message: Message = field(compare=False)


class QueueInHand(Queues):
    """Keeps the messages for the test to deliver, in the order in which they are due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waiting: list[Waiting] = []
        self.sent = 0

    def send(self, queue: str, message: Message, *, after_seconds: float = 0) -> None:
        self.sent += 1
        due = self._clock.now() + timedelta(seconds=after_seconds)
        self.waiting.append(Waiting(due, self.sent, queue, message))


class World:
    """One account, one connection, and as many exports as the test makes."""

    def __init__(self, azurite: Azurite, vault_url: str, simulator: Simulator) -> None:
        self.simulator = simulator
        self.clock = Clock(simulator)
        self.queue = QueueInHand(self.clock)
        self.client_id = f"client-{uuid.uuid4().hex[:8]}"
        self.settings = self._settings(azurite, vault_url)
        self.services = self._services(azurite)
        self.secrets = self.services.secrets
        self._register_app()
        self.connection = self.add_connection()

    def add_connection(self, *, consent: bool = True, token: bool = True) -> Connection:
        connection_id = new_id()
        now = self.clock.now()
        connection = Connection(
            id=connection_id,
            display_name="Shop",
            consent=Consent(version="1", by="test", at=now) if consent else None,
            secret_name=f"connection-{connection_id}",
            created_at=now,
            created_by="test",
        )
        self.services.connections.add(connection)
        if token:
            self.give_tokens(connection)
        return connection

    def give_tokens(self, connection: Connection, *, expired: bool = False) -> dict[str, str]:
        service = self.simulator.state
        scopes = ("account_read", "contact_data", "offline_access")
        with service.lock:
            given = service.grants.grant(Grant(self.client_id, LOCAL_OWNER, scopes))
        lives = timedelta(seconds=0 if expired else given.expires_in)
        tokens = {
            "access_token": given.access_token,
            "refresh_token": str(given.refresh_token),
            "expires_at": (self.clock.now() + lives).isoformat(),
        }
        self.secrets.set(connection.secret_name, json.dumps(tokens))
        return tokens

    def write_snapshot(
        self, segment: str, rows: Iterable[str], *, folder: str = "2026/11/22/0130", header: str = "EMail,FirstName"
    ) -> None:
        """One partition with a header row; complete once the quiet time has passed."""
        content = "\n".join([header, *rows]) + "\n"
        self.upload(f"CustomerInsights_x/BlobExport/{segment}/{folder}/{segment}_1.csv", content.encode())

    def upload(self, path: str, content: bytes) -> None:
        self.services.snapshots.upload_blob(path, content, overwrite=True)

    def add_export(self, *segments: str, **changes: object) -> Export:
        export = Export(
            **{
                "id": new_id(),
                "name": "Newsletter",
                "connection_id": self.connection.id,
                "list_id": LOCAL_LIST_ID,
                "segments": segments,
                "mapping": {"email": "EMail", "first_name": "FirstName"},
                "created_at": self.clock.now(),
                "created_by": "test",
                **changes,
            }
        )
        self.services.exports.add(export)
        return export

    def start(self, export: Export) -> Run:
        return start.start_on_demand(self.services, export.id, "test")

    def deliver_next(self) -> Waiting:
        """Move the clock to the next message and do its step."""
        self.queue.waiting.sort()
        following = self.queue.waiting.pop(0)
        self.clock.advance((following.due - self.clock.now()).total_seconds())
        run_step(self.services, following.queue, following.message.model_dump_json())
        return following

    def deliver(self, *, until: Callable[[], bool] = lambda: False, most: int = 500) -> None:
        """Deliver messages until none is left, or `until` holds."""
        for _ in range(most):
            if not self.queue.waiting or until():
                return
            self.deliver_next()
        raise AssertionError(f"still not at rest after {most} messages")

    def run_to_end(self, export: Export) -> Run:
        run = self.start(export)
        self.deliver()
        return self.services.runs.get(export.id, run.run_id)

    def last_run(self, export: Export) -> Run:
        return self.services.runs.newest(export.id, 1)[0]

    def told(self) -> list[AuditEntry]:
        """What the audit log says, the newest first; of two months, as one may have ended since the test began."""
        now = self.clock.now()
        months = {month_of(now): None, month_of(now - timedelta(days=1)): None}
        return [entry for month in months for entry in self.services.audit.month(month)]

    def files(self, run: Run) -> RunFiles:
        return RunFiles(self.services.files, run.run_id)

    def members(self) -> list[str]:
        """The addresses on the list at Constant Contact."""
        url = f"{self.simulator.url}/_simulator/lists/{LOCAL_LIST_ID}/members.csv"
        lines = requests.get(url, timeout=10).text.splitlines()[1:]
        return [line.split(",")[0] for line in lines]

    def fault(self, name: str, **more: object) -> None:
        answer = requests.post(f"{self.simulator.url}/_simulator/faults", json={"name": name, **more}, timeout=10)
        assert answer.ok, answer.text

    def take_any_token_request(self) -> None:
        """The app makes one a second, but a machine that stalls brings two together: for tests of something else."""
        self.simulator.state.limits.admit_token_request = lambda client_id: None  # type: ignore[method-assign]

    def vault_fault(self, **fault: int) -> None:
        requests.post(f"{self.settings.key_vault_url}/_faults", json=fault, timeout=10).raise_for_status()

    def clear_faults(self) -> None:
        """Everything works again."""
        for url in (f"{self.simulator.url}/_simulator/faults", f"{self.settings.key_vault_url}/_faults"):
            requests.delete(url, timeout=10).raise_for_status()

    def statistics(self) -> dict[str, object]:
        found: dict[str, object] = requests.get(f"{self.simulator.url}/_simulator/statistics", timeout=10).json()
        return found

    def _settings(self, azurite: Azurite, vault_url: str) -> Settings:
        return load_settings(
            {
                "AzureWebJobsStorage": azurite.connection_string,
                "SNAPSHOT_STORAGE": azurite.connection_string,
                "SNAPSHOT_CONTAINER": "segments",
                "REFRESH_SCHEDULE": "0 0 3 * * *",
                "CONSTANT_CONTACT_API_URL": self.simulator.url,
                "CONSTANT_CONTACT_AUTH_URL": self.simulator.url,
                "CONSTANT_CONTACT_CLIENT_ID": self.client_id,
                "KEY_VAULT_URL": vault_url,
                "REQUEST_TIMEOUT_SECONDS": "10",
                "SNAPSHOT_QUIET_SECONDS": "20",
            }
        )

    def _services(self, azurite: Azurite) -> Services:
        mark = uuid.uuid4().hex[:10]
        tables = TableServiceClient.from_connection_string(azurite.connection_string)
        blobs = BlobServiceClient.from_connection_string(azurite.connection_string)

        def container(name: str) -> ContainerClient:
            return blobs.create_container(f"{name}-{mark}")

        session = timed_session()
        self.limits = tables.create_table(f"Limits{mark}")
        table_clock = TableClock(self.limits)
        limiter = Limiter(
            self.limits,
            self.client_id,
            now=lambda: self.clock.now().timestamp(),
            clock=lambda: table_clock.time() + self.clock.ahead.total_seconds(),
            pause=self.clock.advance,
        )
        gates = Gates(self.limits, self.client_id, now=self.clock.now)
        secrets = Secrets(self.settings)
        tokens = Tokens(
            self.settings,
            secrets,
            container("locks"),
            limiter,
            session,
            gates=gates,
            now=self.clock.now,
            pause=self.clock.advance,
        )
        runs = RunStore(tables.create_table(f"Runs{mark}"), tables.create_table(f"Batches{mark}"))
        return Services(
            settings=self.settings,
            connections=Connections(tables.create_table(f"Connections{mark}")),
            exports=Exports(tables.create_table(f"Exports{mark}")),
            runs=runs,
            history=History(tables.create_table(f"History{mark}"), runs, now=self.clock.now),
            last_look=LastLook(tables.create_table(f"Schedules{mark}")),
            queues=self.queue,
            snapshots=container("segments"),
            files=container("exports"),
            account=functools.partial(
                Account,
                settings=self.settings,
                tokens=tokens,
                limiter=limiter,
                gates=gates,
                session=session,
                now=self.clock.now,
            ),
            limiter=limiter,
            audit=AuditLog(tables.create_table(f"Audit{mark}")),
            drafts=Drafts(tables.create_table(f"Drafts{mark}")),
            sign_in=SignIn(self.settings, secrets, limiter, now=self.clock.now),
            tokens=tokens,
            secrets=secrets,
            loose_secrets=LooseSecrets(tables.create_table(f"LooseSecrets{mark}")),
            counts=KnownCounts(tables.create_table(f"Segments{mark}")),
            now=self.clock.now,
        )

    def _register_app(self) -> None:
        app = App(self.client_id, "local-secret", (self.services.sign_in.callback,), "rotating")
        with self.simulator.state.lock:
            self.simulator.state.grants.register(app)
        if self.secrets.get(CLIENT_SECRET_NAME) is None:
            self.secrets.set(CLIENT_SECRET_NAME, "local-secret")
