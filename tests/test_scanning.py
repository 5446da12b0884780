"""The scan of the logs finds what must not be in them; otherwise it would prove nothing."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import pytest

from local.constant_contact.oauth.grants import Grant
from local.constant_contact.state import LOCAL_APP, LOCAL_OWNER, State
from tests.scanning import Scanner

log = logging.getLogger("tests.scanning")
JWT = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"alg": "x"}, {"sub": "me"}))


@pytest.mark.parametrize(
    "text",
    [
        "GET /contacts?email=ana@example.com",
        "GET /contacts?email=ana%40example.com",
        f"Authorization: Bearer {JWT}.",
        "POST /token refresh_token=0123456789abcdef",
        'answered {"access_token": "0123456789abcdef"}',
        "GET /connections/callback?code=0123456789abcdef&x=1",
        f"Basic {LOCAL_APP.client_secret}",
    ],
)
def test_what_betrays_itself_is_found_and_not_repeated(text: str, scanner: Scanner) -> None:
    log.info("%s", text)

    (found,) = scanner.found
    scanner.found = []
    assert text not in found
    assert "tests/test_scanning.py" in found


@pytest.mark.parametrize(
    "text",
    [
        "function=zz_pages invocation=6d2a1c1e-8c1b outcome=succeeded ms=12 cause=GET /connections/callback",
        "run 0123456789abcdef0123456789abcdef waits: the code is 503",
        "state=uploading",
        "Installing azure-functions @ 1.26",
    ],
)
def test_what_is_harmless_is_left_alone(text: str, scanner: Scanner) -> None:
    log.info("%s", text)

    assert scanner.found == []


def test_every_code_and_token_that_the_simulator_gives_out_is_known(scanner: Scanner) -> None:
    grants = State().grants
    grant = Grant(LOCAL_APP.client_id, LOCAL_OWNER, ("account_read", "offline_access"))
    code = grants.issue_code(grant, "https://site.example/", None)
    tokens = grants.redeem(LOCAL_APP, code, "https://site.example/", None)

    for value in (code, tokens.access_token.rpartition(".")[2], tokens.refresh_token):
        log.info("saw %s there", value)

    assert len(scanner.found) == 3
    scanner.found = []


def test_a_traceback_and_the_log_of_a_process_are_read_too(scanner: Scanner, tmp_path: Path) -> None:
    address = "ana" + "@example.com"
    try:
        raise ValueError(address)
    except ValueError:
        log.exception("It failed")
    file = tmp_path / "host-1.log"
    file.write_text("fine\nana@example.com\n")
    scanner.read_file(file)

    assert len(scanner.found) == 2
    assert "host-1.log" in scanner.found[1]
    scanner.found = []
