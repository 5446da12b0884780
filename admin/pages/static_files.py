"""The style sheet, the script and the icon: read once, named with a fingerprint so that browsers keep them for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_A_DAY = "public, max-age=86400"
_KEPT_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """A file as it is served."""

    content: bytes
    media_type: str
    fingerprint: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Every file that may be asked for, by name; nothing else is ever looked up on the disk."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _MEDIA_TYPES:
            content = path.read_bytes()
            found[path.name] = StaticFile(content, _MEDIA_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])
    return found


def static_address(name: str) -> str:
    """Where a page finds the file; the address changes with the content."""
    return f"/static/{name}?v={static_files()[name].fingerprint}"


def static_router() -> APIRouter:
    """GET /static/{file} and /favicon.ico: for everybody, because the page that asks to sign in uses them too."""
    router = APIRouter()

    @router.get("/static/{name}", response_class=Response)
    def static_file(name: str, v: str = "") -> Response:
        file = static_files().get(name)
        if file is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        # An address of an earlier or a later version must not be kept with this version's content.
        kept = _KEPT_FOR_GOOD if v == file.fingerprint else "no-cache"
        return Response(file.content, media_type=file.media_type, headers={"Cache-Control": kept})

    @router.get("/favicon.ico", response_class=Response)
    def icon_of_the_site() -> RedirectResponse:
        """Browsers ask here for the icon when they show a file that names none."""
        return RedirectResponse(static_address("icon.svg"), HTTPStatus.FOUND, {"Cache-Control": _FOR_A_DAY})

    return router
