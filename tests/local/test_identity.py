"""The managed identity endpoint: what it gives and refuses. `DefaultAzureCredential` uses it in test_key_vault.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import requests

from local.processes import Child, end, free_ports, module_command

PARAMETERS = {"resource": "https://vault.azure.net", "api-version": "2019-08-01"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    command = module_command("local.identity", "--port", str(port))
    log = tmp_path_factory.mktemp("identity") / "identity.log"
    child = Child("managed identity", command, log=log, port=port, environment={"IDENTITY_HEADER": "the-header"})
    try:
        child.start()
        child.wait_until_listening()
        yield f"http://127.0.0.1:{port}/msi/token"
    finally:
        end([child])


def test_a_token_is_a_json_web_token_for_the_resource_that_was_asked_for(url: str) -> None:
    answer = requests.get(url, params=PARAMETERS, headers={"X-IDENTITY-HEADER": "the-header"}, timeout=10).json()

    claims = answer["access_token"].split(".")[1]
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert decoded["aud"] == "https://vault.azure.net"
    assert decoded["exp"] == int(answer["expires_on"])


@pytest.mark.parametrize("headers", [{}, {"X-IDENTITY-HEADER": "another"}])
def test_a_caller_without_the_secret_header_gets_no_token(url: str, headers: dict[str, str]) -> None:
    answer = requests.get(url, params=PARAMETERS, headers=headers, timeout=10)

    assert answer.status_code == 401
    assert "access_token" not in answer.json()


def test_another_api_version_is_refused(url: str) -> None:
    parameters = PARAMETERS | {"api-version": "2017-09-01"}

    answer = requests.get(url, params=parameters, headers={"X-IDENTITY-HEADER": "the-header"}, timeout=10)

    assert answer.status_code == 400
