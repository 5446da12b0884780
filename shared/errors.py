"""The errors that people read, and what each asks of the code that catches it.


ExportError                a run cannot go on; its message is shown on the run
├── NotFound               a connection, an export or a run that does not exist
├── Conflict               somebody else changed or holds the thing
│   └── Changed            it is no longer the version that the caller had read
├── Invalid                what was asked for cannot be done as it stands
└── Unavailable            a service that is needed does not answer a person for now
Wait                       not an error: come back later (the only way a step waits)
"""

from __future__ import annotations

from typing import Literal

WaitCode = Literal[
    "rate_limit",
    "quota",
    "queue_full",
    "throttled",
    "constant_contact",
    "sign_in",
    "key_vault",
    "storage",
    "snapshot",
    "other_worker",
    "unclear",
    "other",
]


class ExportError(Exception):
    """Something a marketer, an administrator or an operator has to know and can act on.

    The message says what happened, to which thing, and what to do. It never holds an e-mail address, a token or a
    secret, because it is stored, logged and shown.
    """


class NotFound(ExportError):
    """The connection, export or run that was asked for does not exist."""


class Conflict(ExportError):
    """Somebody else changed or holds the thing; read it again and decide anew."""


class Changed(Conflict):
    """It is no longer the version that the caller had read; nothing was written."""


class Unavailable(ExportError):
    """What a person asked for cannot be done at the moment, because a service does not answer or is busy."""


class Invalid(ExportError):
    """What was asked for cannot be done as it stands; the message says what to change."""


class Wait(Exception):
    """A step cannot go on yet: its message is put back, hidden for `seconds`, and the function ends.

    `reason` is shown on the run while it waits; `code` says the same to programs.
    """

    def __init__(self, seconds: float, reason: str, code: WaitCode = "other") -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason
        self.code: WaitCode = code
