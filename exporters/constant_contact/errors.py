"""What Constant Contact can answer, grouped by what to do about it.

ConstantContactError
├── Refused            the request is wrong and stays wrong (400, 403, 404, 409, 415 …); certainly not processed
├── SignInAgain        the grant is broken; only a person can mend it
│   └── AppNotAccepted     not the grant: the app's own client id or secret is wrong
├── Throttled          too many requests in a second (429); certainly not processed
├── QuotaExceeded      no calls left until 00:00 UTC (429); certainly not processed
├── QueueFull          1,000 activities are waiting in the account (429); certainly not processed
├── Unreachable        no connection was made; certainly not processed
├── SignInAway         the sign-in service gave no token, for a reason that may pass
└── Unclear            it may have been processed: look before sending again
    ├── ServerError    an answer came, and it was a 5xx
    ├── Unreadable     an answer came, it was a success, and it cannot be read
    └── NoAnswer       the connection broke or timed out after the request had left

The service declares no schema for its errors. Gateway errors are objects, service errors are lists of them, the token
endpoint speaks OAuth or Okta, some answers are empty or HTML (constant-contact V3 specification, and live samples in
public issue trackers). All of them are read here.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus

from exporters.constant_contact.limits import USED_UP
from exporters.constant_contact.their_words import told, without_values
from shared.errors import ExportError
from shared.models import SignInProblem

# Words are taken whole, whether or not an @ follows: so a long text without one is looked through once.
_DOMAIN = r"@[^\s@\"'<>(),;]+"
_ADDRESS_OR_WORD = re.compile(rf"(\"[^\"]*\"{_DOMAIN}|{_DOMAIN})|[^\s@\"<>(),;:]+({_DOMAIN})?")
_LONGEST_MESSAGE = 300
# An error body beyond this is not looked at, and of its errors no more than these are told.
_LARGEST_BODY = 1024**2
_MOST_MESSAGES = 5


class ConstantContactError(ExportError):
    """Constant Contact did not do what it was asked."""


class Refused(ConstantContactError):
    """The request is wrong and stays wrong. `status` is the HTTP status, `text` what the service says of it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"Constant Contact refused the request (HTTP {status}): {text}")
        self.status = status
        self.text = text


class SignInAgain(ConstantContactError):
    """The connection's grant is broken; an administrator has to sign in to Constant Contact again.

    `problem` says why as a code: most often Constant Contact no longer takes it.
    """

    def __init__(self, message: str, problem: SignInProblem = "refused") -> None:
        super().__init__(message)
        self.problem: SignInProblem = problem


class AppNotAccepted(SignInAgain):
    """The app's own client id or secret is wrong: an operator has to mend it, and signing in again does not."""


class Throttled(ConstantContactError):
    """Too many requests in one second; wait at least `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Constant Contact asked to slow down")
        self.seconds = seconds


class QuotaExceeded(ConstantContactError):
    """The day's calls are used up; they come back at 00:00 UTC."""


class QueueFull(ConstantContactError):
    """The account has as many waiting activities as it may have; wait until some have ended."""


class Unreachable(ConstantContactError):
    """No connection could be made, so nothing was sent."""


class SignInAway(ConstantContactError):
    """The sign-in service does not answer or refuses for now; wait at least `seconds`."""

    def __init__(self, why: str, seconds: float = 15.0) -> None:
        super().__init__(f"Constant Contact's sign-in service {why}")
        self.seconds = seconds


class Unclear(ConstantContactError):
    """The request may or may not have been processed."""


class ServerError(Unclear):
    """Constant Contact answered with a server error; `seconds` is its own Retry-After, if it named one."""

    def __init__(self, status: int, seconds: float | None = None) -> None:
        super().__init__(f"Constant Contact has a problem (HTTP {status})")
        self.seconds = seconds


class Unreadable(Unclear):
    """Constant Contact answered with a success that cannot be understood: most likely it was processed."""


class NoAnswer(Unclear):
    """The connection broke or timed out before an answer came."""


def without_addresses(text: str) -> str:
    """The text on one line with every e-mail address taken out, cut to a length that a page can show."""
    one_line = " ".join(text.split())
    without = _ADDRESS_OR_WORD.sub(lambda found: "[address]" if found[1] or found[2] else found[0], one_line)
    clean = " ".join("".join(char if char.isprintable() else " " for char in without).split())
    return clean if len(clean) <= _LONGEST_MESSAGE else clean[: _LONGEST_MESSAGE - 1] + "…"


def error_text(body: bytes, *, of_rows: bool = False) -> str:
    """What an error body says, in one line; a fixed sentence when it says nothing.

    It is without addresses, long numbers and what stands in quotation marks. `of_rows`: it may repeat rows, so it
    is told in words of ours alone.
    """
    found = _messages(body)[:_MOST_MESSAGES]
    if of_rows:
        said = list(dict.fromkeys(told(message, key) for message, key in found))
    else:
        said = [without_addresses(without_values(message)) for message, _ in found]
    return "; ".join(said) or "it did not say why"


def error_keys(body: bytes) -> set[str]:
    """The machine-readable keys in an error body (`throttled`, `invalid_grant`, …), lower case."""
    keys = set()
    for one in _objects(body):
        for name in ("error_key", "error", "errorCode"):
            if isinstance(one.get(name), str):
                keys.add(str(one[name]).lower())
    return keys


def answer_error(
    status: int, body: bytes, *, retry_after: str | None, queues_work: bool, of_a_run: bool = False
) -> ConstantContactError:
    """The error that an answer outside 2xx means.

    Args:
        status: the HTTP status.
        body: the answer's body, of any shape.
        retry_after: the header of that name; undocumented there, honoured if it appears.
        queues_work: the request would have queued an activity, so a 429 may mean that the queue is full.
        of_a_run: a run asked, and its rows may be repeated in the words of a refusal.
    """
    wait = _seconds(retry_after)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        keys = error_keys(body)
        if "quota_exceeded" in keys:
            return QuotaExceeded(USED_UP)
        if "throttled" in keys or not queues_work:
            return Throttled(wait or 1.0)
        # The queue limit's body is not documented: whatever a 429 on an import is, if it is neither of the above.
        return QueueFull("Constant Contact has 1,000 activities waiting for this account")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return ServerError(status, wait)
    if status < HTTPStatus.BAD_REQUEST:
        return Refused(status, "it answered with a redirect; check the settings CONSTANT_CONTACT_API_URL and _AUTH_URL")
    return Refused(status, error_text(body, of_rows=of_a_run or queues_work))


def _seconds(retry_after: str | None) -> float | None:
    text = (retry_after or "").strip()
    # Python takes ² for a digit, and every script's.
    return min(3600.0, float(text)) if text.isascii() and text.isdigit() else None


def _objects(body: bytes) -> list[dict[str, object]]:
    if len(body) > _LARGEST_BODY:
        return []
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return []
    candidates = parsed if isinstance(parsed, list) else [parsed]
    return [one for one in candidates if isinstance(one, dict)]


def _messages(body: bytes) -> list[tuple[str, str]]:
    """The messages of an error body, each with the machine-readable key that came with it, or nothing."""
    messages = []
    for one in _objects(body):
        for name in ("error_message", "error_description", "errorSummary", "message", "error_key", "error"):
            if isinstance(one.get(name), str) and one[name]:
                messages.append((str(one[name]), str(one.get("error_key") or "")))
                break
    return messages
