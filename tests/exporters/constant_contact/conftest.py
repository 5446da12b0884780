"""A table of its own for each test of what the instances share, and an account whose service is in hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.data.tables import TableClient, TableServiceClient

from exporters.constant_contact import client
from exporters.constant_contact.client import Account
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from local.azurite import Azurite
from tests.exporters.constant_contact.answering import Service
from tests.exporters.constant_contact.gating import Time
from tests.exporters.world import World


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_table(f"Limits{uuid.uuid4().hex[:10]}")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def account(world: World, service: Service, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(client, "read_body", lambda *_: None)
    limiter = Limiter(
        world.limits, world.client_id, now=lambda: world.clock.now().timestamp(), pause=world.clock.advance
    )
    gates = Gates(world.limits, world.client_id, now=world.clock.now)
    tokens = world.services.account(world.connection)._tokens
    return Account(world.connection, world.settings, tokens, limiter, gates, service, now=world.clock.now)
