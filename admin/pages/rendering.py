"""From a template and values to a page: in the reader's language, inside the frame that all pages share."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from admin.access import person
from admin.pages import words
from admin.pages.languages import Language, language, language_of, languages
from admin.pages.static_files import static_address
from exporters.constant_contact.sign_in import CALLBACK_PATH
from exporters.services import utc_now

TEMPLATES = Path(__file__).parent / "templates"
EXTENSIONS = ("jinja2.ext.i18n", "jinja2.ext.do")


def render(request: Request, template: str, *, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """The page that `template` makes of the values.

    Every template knows the person, the language, the time (`now`, the real one unless given) and where it is.
    """
    spoken = language_of(request.headers, request.cookies)
    known = {
        "language": spoken,
        "languages": languages(),
        "person": person(request),
        "environment": urlsplit(request.app.state.settings().site_address).netloc,
        # What a form was posted to may have no page of its own: from there a change of language leads to the list.
        "here": address_to_come_back_to(request),
        "path": request.url.path,
        "now": utc_now(),
    }
    page = environment(spoken.code).get_template(template).render(known | values)
    return HTMLResponse(page, status, headers={"Content-Language": spoken.code, "Vary": "Accept-Language, Cookie"})


def address_to_come_back_to(request: Request) -> str:
    """The path of the page that was asked for, when it can be opened again.

    Not that of the way back from Constant Contact: its code and state are for nobody else, and work once.
    """
    if request.method != "GET" or request.url.path == CALLBACK_PATH:
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


@cache
def environment(code: str) -> Environment:
    """The templates in one language."""
    spoken = language(code)
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        extensions=EXTENSIONS,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        spoken.translations.gettext, spoken.translations.ngettext, newstyle=True
    )
    made.globals["words"] = words
    made.globals["static"] = static_address
    made.filters["number"] = spoken.number
    made.filters["month"] = spoken.month
    made.filters["time"] = _time
    return made


@pass_context
def _time(context: Context, moment: datetime | None) -> Markup:
    """How long ago, with the exact time for who points at it and for programs; a dash for never."""
    if moment is None:
        return Markup("–")
    spoken: Language = context["language"]
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), spoken.exactly(moment), spoken.ago(moment, context["now"])
    )
