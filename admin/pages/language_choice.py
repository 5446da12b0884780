"""The choice of a language, remembered in a cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from admin.access import local_path
from admin.pages.forms import see_other
from admin.pages.languages import CODES, LANGUAGE_COOKIE
from exporters.services import Services

_A_YEAR = 365 * 24 * 3600


def language_router(services: Callable[[], Services]) -> APIRouter:
    """POST /language: for everybody, because the page that asks to sign in speaks a language too."""
    router = APIRouter()

    @router.post("/language", response_class=Response)
    def choose_language(lang: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/") -> Response:
        answer = see_other(local_path(back))
        if lang in CODES:
            secure = services().settings.site_address.startswith("https://")
            answer.set_cookie(
                LANGUAGE_COOKIE, lang, max_age=_A_YEAR, path="/", secure=secure, httponly=True, samesite="lax"
            )
        return answer

    return router
