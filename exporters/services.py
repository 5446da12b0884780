"""What the steps work with: the stores, the queues, the account of a connection, the clock."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from azure.storage.blob import ContainerClient

from exporters.constant_contact.client import Account
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from exporters.constant_contact.session import timed_session
from exporters.constant_contact.sign_in import SignIn
from exporters.constant_contact.tokens import Tokens
from exporters.history import History
from exporters.known_counts import KnownCounts
from exporters.last_look import LastLook
from exporters.run_store import RunStore
from exporters.short_memory import ShortMemory
from shared.audit import AuditLog
from shared.clock import TableClock
from shared.documents import Connections, Exports
from shared.drafts import Drafts
from shared.loose_secrets import LooseSecrets
from shared.models import Connection
from shared.queues import Queues
from shared.secrets import Secrets
from shared.settings import Settings
from shared.snapshots import SegmentCatalog
from shared.storage import Storage


@dataclass(frozen=True)
class Services:
    """Everything outside the process that a step touches."""

    settings: Settings
    connections: Connections
    exports: Exports
    runs: RunStore
    history: History
    last_look: LastLook
    queues: Queues
    snapshots: ContainerClient
    files: ContainerClient
    account: Callable[[Connection], Account]
    limiter: Limiter
    audit: AuditLog
    drafts: Drafts
    sign_in: SignIn
    tokens: Tokens
    secrets: Secrets
    loose_secrets: LooseSecrets
    counts: KnownCounts
    now: Callable[[], datetime]
    memory: ShortMemory = field(default_factory=ShortMemory, kw_only=True)

    def catalog(self) -> SegmentCatalog:
        """The segments as they lie in the snapshot container now."""
        return SegmentCatalog(self.snapshots, timedelta(seconds=self.settings.snapshot_quiet_seconds))


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def connect(settings: Settings) -> Services:
    """The services that the settings name. Tables, queues and containers of ours are made if they are not there."""
    storage = Storage(settings.storage)
    session = timed_session()
    limits, client_id = storage.table("Limits"), settings.constant_contact_client_id
    limiter = Limiter(limits, client_id, clock=TableClock(limits).time)
    gates = Gates(limits, client_id, now=utc_now)
    secrets = Secrets(settings)
    tokens = Tokens(settings, secrets, storage.container("locks"), limiter, session, gates=gates, now=utc_now)
    runs = RunStore(storage.table("Runs"), storage.table("Batches"))
    return Services(
        settings=settings,
        connections=Connections(storage.table("Connections")),
        exports=Exports(storage.table("Exports")),
        runs=runs,
        history=History(storage.table("History"), runs, now=utc_now),
        last_look=LastLook(storage.table("Schedules")),
        queues=Queues(storage),
        snapshots=Storage(settings.snapshot_storage).others_container(settings.snapshot_container),
        files=storage.container("exports"),
        account=functools.partial(
            Account, settings=settings, tokens=tokens, limiter=limiter, gates=gates, session=session, now=utc_now
        ),
        limiter=limiter,
        audit=AuditLog(storage.table("Audit")),
        drafts=Drafts(storage.table("Drafts")),
        sign_in=SignIn(settings, secrets, limiter, now=utc_now),
        tokens=tokens,
        secrets=secrets,
        loose_secrets=LooseSecrets(storage.table("LooseSecrets")),
        counts=KnownCounts(storage.table("Segments")),
        now=utc_now,
    )
