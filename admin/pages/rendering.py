"""From a template and values to a page: in the reader's language, inside the frame that all pages share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from admin.access import FUNCTION_KEY, person
from admin.pages import words
from admin.pages.languages import Language, language, language_of, languages
from admin.pages.notices import Notice, forget, told
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
    notice = told(request)
    known = {
        "notice": _said(spoken, notice) if notice else None,
        "language": spoken,
        "languages": languages(),
        "person": person(request),
        "environment": urlsplit(request.app.state.settings().site_address).netloc,
        # What a form was posted to may have no page of its own: from there a change of language leads to the list.
        "here": address_to_come_back_to(request),
        "page_path": request.url.path,
        "now": utc_now(),
    }
    page = environment(spoken.code).get_template(template).render(known | values)
    answer = HTMLResponse(page, status, headers={"Content-Language": spoken.code, "Vary": "Accept-Language, Cookie"})
    forget(request, answer)
    return answer


def _said(spoken: Language, notice: Notice) -> str:
    """The notice in the reader's language; its numbers as they are written there."""
    count = notice.values.get("count", 0)
    text = spoken.counted(notice.text, notice.plural, int(count)) if notice.plural else spoken.text(notice.text)
    filled = {name: spoken.number(one) if isinstance(one, int) else one for name, one in notice.values.items()}
    return text % filled if filled else text


def address_to_come_back_to(request: Request) -> str:
    """The path of the page that was asked for, when it can be opened again.

    Not that of the way back from Constant Contact: its code and state are for nobody else, and work once.
    """
    if request.method != "GET" or request.url.path == CALLBACK_PATH:
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def address(path: str, shown: Mapping[str, object] | None = None, **changes: object) -> str:
    """The address of a list as it is `shown` (its query by name) with `changes`; what is empty is left out."""
    merged = {**(shown or {}), **changes}
    # `a if b` without an else is Undefined in a template.
    query = {name: one for name, one in merged.items() if not isinstance(one, Undefined) and one not in (None, "")}
    return f"{path}?{urlencode(query)}" if query else path


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
    made.globals["address"] = address
    made.filters["number"] = spoken.number
    made.filters["month"] = spoken.month
    made.filters["who"] = lambda name: spoken.text(words.FUNCTION_KEY_USED) if name == FUNCTION_KEY.name else name
    made.filters["time"] = _time
    made.filters["moment"] = _moment
    return made


@pass_context
def _time(context: Context, moment: datetime | None) -> Markup:
    """How long ago, or how long till then, with the exact time for who points at it and for programs; a dash for never.

    The exact one is in UTC; page.js writes it in the reader's own time zone.
    """
    if moment is None:
        return Markup("–")
    spoken: Language = context["language"]
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), spoken.exactly(moment), spoken.ago(moment, context["now"])
    )


@pass_context
def _moment(context: Context, moment: datetime | None) -> Markup:
    """The exact time, in UTC; page.js writes it in the reader's own time zone. A dash for never."""
    if moment is None:
        return Markup("–")
    spoken: Language = context["language"]
    return Markup('<time datetime="{}" data-exact>{}</time>').format(
        moment.isoformat(timespec="seconds"), spoken.exactly(moment)
    )
