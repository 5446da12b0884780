"""What stands around the pages and the API, whatever is asked: limits, and an answer to what nobody foresaw."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from fastapi import FastAPI
from fastapi.testclient import TestClient

from admin.body_limit import MAX_BODY_BYTES
from admin.site import make_api, make_pages
from tests.admin.asking import SITE, principal
from tests.fuzz.asking_the_site import SERVICES

SETTINGS = SERVICES.settings.model_copy(update={"sign_in_enabled": True})


def asking(make: Callable[..., FastAPI], services: Callable[[], Any]) -> TestClient:
    headers = {"Origin": SITE, **principal("Administrator")}
    return TestClient(make(services, SETTINGS), SITE, headers=headers, follow_redirects=False)


BOTH = pytest.mark.parametrize(
    ("make", "address", "kind"),
    [(make_pages, "/connections", "text/html"), (make_api, "/api/connections", "application/problem+json")],
    ids=["pages", "api"],
)


@BOTH
@pytest.mark.parametrize(("error", "status"), [(RuntimeError("a detail"), 500), (ServiceRequestError("a detail"), 503)])
def test_what_nobody_foresaw_is_logged_and_answered_in_the_form_that_was_asked_for(
    make: Callable[..., FastAPI],
    address: str,
    kind: str,
    error: Exception,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> Any:
        raise error

    answer = asking(make, broken).get(address)

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, kind)
    assert "a detail" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    (logged,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert logged.getMessage() == f"GET {address} failed"


@BOTH
def test_a_body_that_is_too_large_is_refused_in_the_form_that_was_asked_for(
    make: Callable[..., FastAPI], address: str, kind: str
) -> None:
    answer = asking(make, lambda: SERVICES).post(address, content=b" " * (MAX_BODY_BYTES + 1))

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (413, kind)


@BOTH
def test_what_is_not_there_is_told_in_the_form_that_was_asked_for(
    make: Callable[..., FastAPI], address: str, kind: str
) -> None:
    answer = asking(make, lambda: SERVICES).get(f"{address}/is/not/there")

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (404, kind)
