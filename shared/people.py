"""Who is asking: the signed-in person, as App Service authentication (Easy Auth) names them in a request's headers.

The platform removes these headers from what comes from outside and sets its own; without it anybody could send them,
so they count only while the platform says that it is on (the app setting `WEBSITE_AUTH_ENABLED`, which it sets).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Role = Literal["Administrator", "Contributor", "Viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
PRINCIPAL_HEADER = "X-MS-CLIENT-PRINCIPAL"

_LONGEST_PRINCIPAL = 64_000
_LONGEST_NAME = 200
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_ID_CLAIMS = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_NAME_CLAIMS = ("name", "preferred_username")


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in. `role` is the strongest of theirs, None when they have none of the app's."""

    id: str
    name: str
    role: Role | None

    def may(self, least: Role) -> bool:
        """Whether their role is `least` or a stronger one."""
        return self.role is not None and ROLES.index(self.role) <= ROLES.index(least)


class _Claim(BaseModel):
    model_config = ConfigDict(frozen=True)

    typ: str
    val: str


class _Principal(BaseModel):
    """The header's content: base64 of JSON."""

    model_config = ConfigDict(frozen=True)

    claims: tuple[_Claim, ...] = ()
    role_typ: str | None = None


def person_of(headers: Mapping[str, str], *, trusted: bool) -> Person | None:
    """The person who sent a request, or None: nobody is signed in, or the headers cannot be trusted.

    Args:
        headers: the request's, looked up by lower-case or any-case name as the mapping allows.
        trusted: whether the platform's authentication is on (`Settings.sign_in_enabled`).
    """
    given = headers.get(PRINCIPAL_HEADER) if trusted else None
    if not given or len(given) > _LONGEST_PRINCIPAL:
        return None
    try:
        principal = _Principal.model_validate_json(base64.b64decode(given, validate=True))
    except ValueError:  # Of base64 and of the model alike.
        return None
    claims = principal.claims
    identity = _first(claims, _ID_CLAIMS)
    if not identity:
        return None
    named = {one.val for one in claims if one.typ in (*_ROLE_CLAIMS, principal.role_typ)}
    name = _first(claims, _NAME_CLAIMS) or identity
    return Person(
        id=identity[:_LONGEST_NAME],
        name="".join(one for one in name if one.isprintable())[:_LONGEST_NAME],
        role=next((role for role in ROLES if role in named), None),
    )


def _first(claims: tuple[_Claim, ...], types: tuple[str, ...]) -> str | None:
    return next((one.val for typ in types for one in claims if one.typ == typ and one.val), None)
