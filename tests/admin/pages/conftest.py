"""Browsers with the pages open: an administrator's, a contributor's and a viewer's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.admin.asking import pages_as
from tests.exporters.world import World


@pytest.fixture
def ada(world: World) -> Iterator[TestClient]:
    """The browser of an administrator, Ada."""
    with pages_as(world, "Administrator") as client:
        yield client


@pytest.fixture
def carlo(world: World) -> Iterator[TestClient]:
    """The browser of a contributor, Carlo."""
    with pages_as(world, "Contributor") as client:
        yield client


@pytest.fixture
def vera(world: World) -> Iterator[TestClient]:
    """The browser of a viewer, Vera."""
    with pages_as(world, "Viewer") as client:
        yield client
