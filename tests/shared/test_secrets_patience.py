"""A vault that asks for time gets it from the queue: no worker sleeps for it inside a call."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests

from shared.errors import Wait
from shared.secrets import KeyVaultRefused, Secrets
from tests.shared.vaults import running_vault, secrets_of

# The vault asks for twice as long; a call of the SDK's own with the pauses that we allow takes seconds.
AT_ONCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_vault(tmp_path_factory.mktemp("vault")) as url:
        yield url


@pytest.fixture
def name() -> str:
    return f"secret-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def secrets(url: str, name: str) -> Iterator[Secrets]:
    secrets = secrets_of(url)
    secrets.set(name, "one")
    yield secrets
    requests.delete(f"{url}/_faults", timeout=10).raise_for_status()


CALLS: dict[str, Callable[[Secrets, str], object]] = {
    "get": lambda secrets, name: secrets.get(name),
    "set": lambda secrets, name: secrets.set(name, "two"),
    "delete": lambda secrets, name: secrets.delete(name),
}


def asks_for(url: str, retry_after: str, *, status: int = 503, times: int = 100) -> None:
    fault = {"status": status, "times": times, "retry_after": retry_after}
    requests.post(f"{url}/_faults", json=fault, timeout=10).raise_for_status()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_long_pause_is_not_slept_but_waited_for(
    url: str, secrets: Secrets, name: str, call: Callable[[Secrets, str], object], status: int
) -> None:
    asks_for(url, "120", status=status)
    began = time.monotonic()
    with pytest.raises(Wait, match="Key Vault does not answer") as wait:
        call(secrets, name)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert wait.value.seconds == 120


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("1e9", 600),
        ("inf", 600),
        ("-1", 15),
        ("soon", 15),
        ("Thu, 31 Dec 2099 23:59:59 GMT", 15),
    ],
)
def test_whatever_the_vault_asks_for_the_wait_is_within_limits(
    url: str, secrets: Secrets, name: str, retry_after: str, seconds: float
) -> None:
    asks_for(url, retry_after)
    began = time.monotonic()
    with pytest.raises(Wait) as wait:
        secrets.get(name)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert wait.value.seconds == seconds


def test_a_short_pause_is_slept_and_nobody_notices(url: str, secrets: Secrets, name: str) -> None:
    asks_for(url, "1", times=1)
    assert secrets.get(name) == "one"


def test_a_refusal_stays_a_refusal_though_it_names_a_pause(url: str, secrets: Secrets, name: str) -> None:
    asks_for(url, "3600", status=403)
    with pytest.raises(KeyVaultRefused):
        secrets.get(name)


def test_a_long_pause_while_an_old_version_is_disabled_holds_nobody_up(url: str, secrets: Secrets, name: str) -> None:
    fault = {"status": 503, "method": "PATCH", "times": 100, "retry_after": "120"}
    requests.post(f"{url}/_faults", json=fault, timeout=10).raise_for_status()
    began = time.monotonic()
    secrets.set(name, "two")
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert secrets.get(name) == "two"
