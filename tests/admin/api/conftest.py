"""A program with a function key, which the host has checked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from admin.site import make_api
from tests.admin.asking import Site
from tests.exporters.world import World


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(Site(make_api, world, world.settings)) as client:
        yield client
