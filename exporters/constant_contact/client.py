"""The Constant Contact V3 API: the few calls that an export needs, with time-outs, the limits and one fresh token."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
from pydantic import BaseModel, ValidationError
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from exporters.constant_contact.answers import (
    Activity,
    ActivityPage,
    ContactList,
    ContactListPage,
    CustomField,
    CustomFieldPage,
    Page,
    parsed,
    read_body,
)
from exporters.constant_contact.calls import one_call
from exporters.constant_contact.errors import (
    ConstantContactError,
    NoAnswer,
    QuotaExceeded,
    ServerError,
    SignInAgain,
    Throttled,
    Unclear,
    Unreachable,
    answer_error,
)
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING, Limiter
from exporters.constant_contact.session import connect
from exporters.constant_contact.tokens import Tokens
from shared.errors import Wait
from shared.models import Connection
from shared.settings import Settings

__all__ = ["Account", "Activity", "ContactList", "CustomField"]

# Activities are kept for ten days, and an account queues at most 1,000; it has at most 1,000 lists and 100 custom
# fields. More pages than this mean a link that loops.
_MOST_PAGES = 50
_PAGE = 500
_PAGE_OF_CUSTOM_FIELDS = 100
_CONNECT_SECONDS = 10
# A person waits for what a form shows.
_FORM_SECONDS = 10
# After the token in memory, that in the vault, which may be as old; then a fresh one, and one more for good measure.
_OTHER_TOKENS = 3

Listed = TypeVar("Listed", bound=BaseModel)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Terms:
    """How one request is sent: what for, calls of the day that are not for it, the moment after which it is not sent
    any more, and the seconds that are given to sending it, and to its answer.
    """

    operation: str
    queues_work: bool
    keep: int
    send_by: datetime | None
    seconds: float


class Account:
    """The Constant Contact account of one connection.

    Every method raises a `ConstantContactError` that says what to do next, or `shared.errors.Wait`.
    `requests` counts the requests that left, refused ones too.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        tokens: Tokens,
        limiter: Limiter,
        gates: Gates,
        session: requests.Session,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._tokens = tokens
        self._limiter = limiter
        self._gates = gates
        self._session = session
        self._now = now
        self.requests = 0

    def import_file(self, list_id: str, file_name: str, content: bytes, *, send_by: datetime) -> Activity:
        """Queue the import of a CSV file into a list.

        Args:
            list_id: the list that the contacts join.
            file_name: comes back as the activity's `source_file_name`; must end in `.csv`.
            content: UTF-8 CSV, at most 40,000 lines with the header and under 4,000,000 bytes; the service silently
                drops what is beyond (V3 specification, "Import Contacts using a CSV File").
            send_by: after this moment the request is not sent any more (`Wait` is raised instead).
        """
        with self._gates.queue(self._connection).attempt():
            answer = self._request(
                "import_file",
                "POST",
                "/activities/contacts_file_import",
                keep=KEPT_FOR_FOLLOWING,
                queues_work=True,
                send_by=send_by,
                files={"file": (file_name, content, "text/csv"), "list_ids": (None, list_id)},
            )
        return parsed(Activity, answer)

    def imports_left_today(self) -> int:
        """How many more files the day's calls allow; all exports of the client id share them."""
        return max(0, self._limiter.left_today(API) - KEPT_FOR_FOLLOWING)

    def find_import(self, file_name: str) -> Activity | None:
        """The activity that a file of this name started, or None when there is none (yet)."""
        return next((one for one in self.activities() if one.source_file_name == file_name), None)

    def activities(self) -> Iterator[Activity]:
        """The account's activities of the last ten days, 500 a request."""
        return self._all(ActivityPage, Activity, f"?limit={_PAGE}")

    def activity(self, activity_id: str) -> Activity:
        """One activity by id."""
        return parsed(Activity, self._request("activity", "GET", f"/activities/{activity_id}"))

    def contact_list(self, list_id: str) -> ContactList:
        """One list by id."""
        answer = self._request("contact_list", "GET", f"/contact_lists/{list_id}", keep=KEPT_FOR_FOLLOWING)
        return parsed(ContactList, answer)

    def contact_lists(self) -> list[ContactList]:
        """Every list of the account, 500 a request, each with the number of members that can get mail."""
        query = f"?limit={_PAGE}&include_membership_count=active&status=active"
        return list(self._all(ContactListPage, ContactList, query, for_a_form=True))

    def custom_fields(self) -> list[CustomField]:
        """Every custom field of the account, 100 a request."""
        query = f"?limit={_PAGE_OF_CUSTOM_FIELDS}"
        return list(self._all(CustomFieldPage, CustomField, query, for_a_form=True))

    def create_list(self, name: str) -> ContactList:
        """Make a list of this name, once: after an unclear answer it is looked for, and not made again.

        Raises:
            Refused: status 409 when there is a list of this name.
            Unclear: nobody knows whether it was made, and it is not found (yet).
        """
        try:
            answer = self._request("create_list", "POST", "/contact_lists", for_a_form=True, json={"name": name})
            return parsed(ContactList, answer)
        except Unclear as unclear:
            found = self._list_called(name)
            if found is None:
                raise
            log.warning("a list was made although the answer was unclear: %s", type(unclear).__name__)
            return found

    def _list_called(self, name: str) -> ContactList | None:
        query = f"?limit={_PAGE}&status=active&name={quote(name, safe='')}"
        found = self._all(ContactListPage, ContactList, query, for_a_form=True)
        return next((one for one in found if one.name.casefold() == name.casefold()), None)

    def _all(
        self,
        page_of: type[Page],
        model: type[Listed],
        query: str,
        *,
        for_a_form: bool = False,
    ) -> Iterator[Listed]:
        path: str | None = page_of.path + query
        seen: set[str] = set()
        while path and path not in seen and len(seen) < _MOST_PAGES:
            seen.add(path)
            page = parsed(page_of, self._request(page_of.operation, "GET", path, for_a_form=for_a_form))
            for one in page.items:
                try:
                    yield model.model_validate(one)
                except ValidationError:
                    continue  # Of a kind that is not known here.
            path = page.next_path()

    def _request(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        keep: int = 0,
        queues_work: bool = False,
        for_a_form: bool = False,
        send_by: datetime | None = None,
        **content: Any,
    ) -> requests.Response:
        """The answer to a request; `keep` calls of the day are not for it.

        A form does not wait long for it, and those for following are not for a form.
        """
        patience = self._settings.request_timeout_seconds
        seconds = min(_FORM_SECONDS, patience) if for_a_form else patience
        terms = _Terms(operation, queues_work, KEPT_FOR_FOLLOWING if for_a_form else keep, send_by, seconds)
        token = self._tokens.access_token(self._connection)
        answer = self._send(token, method, path, terms, **content)
        for _ in range(_OTHER_TOKENS):
            if answer.status_code != HTTPStatus.UNAUTHORIZED:
                break
            token = self._tokens.another_access_token(self._connection, rejected=token)
            answer = self._send(token, method, path, terms, **content)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise SignInAgain(
                "Constant Contact does not accept the connection, even with a fresh token. "
                "An administrator has to sign in again."
            )
        if answer.status_code // 100 == 2:
            return answer
        error = _error(answer, queues_work=queues_work, of_a_run=not for_a_form)
        if isinstance(error, Throttled):
            self._limiter.hold_back(API, error.seconds)
        raise error

    def _send(self, token: str, method: str, path: str, terms: _Terms, **content: Any) -> requests.Response:
        """Send when no gate is closed and a slot has come; what closes a gate is raised here."""
        with self._gates.quota().attempt(), self._gates.service().attempt():
            answer = self._send_now(token, method, path, terms, **content)
            error = None if answer.ok else _error(answer)
            if isinstance(error, ServerError | QuotaExceeded):
                raise error
            return answer

    def _send_now(self, token: str, method: str, path: str, terms: _Terms, **content: Any) -> requests.Response:
        address = self._settings.constant_contact_api_url + path
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Encoding": "gzip"}
        # Encoded and connected before the slot is taken, so that the request leaves when its slot has come.
        request = self._session.prepare_request(requests.Request(method, address, headers=headers, **content))
        options = self._session.merge_environment_settings(request.url, {}, True, None, None)
        try:
            connect(self._session, request, _CONNECT_SECONDS, options)
        except (HTTPError, OSError) as error:
            raise self._unreachable() from error
        self._limiter.take(API, keep=terms.keep)
        if terms.send_by and self._now() > terms.send_by:
            raise Wait(1, "the request was held up for too long and was not sent", "rate_limit")
        self.requests += 1
        with one_call(terms.operation, queues_work=terms.queues_work) as answered:
            try:
                answer = self._session.send(
                    request,
                    # For sending it and for its answer, each.
                    timeout=terms.seconds,
                    # A token is sent to nobody but the configured service.
                    allow_redirects=False,
                    **options,
                )
                read_body(answer, time.monotonic() + terms.seconds)
            except requests.ConnectTimeout as error:
                raise self._unreachable() from error
            except requests.RequestException as error:
                if _was_never_connected(error):
                    raise self._unreachable() from error
                raise NoAnswer("Constant Contact did not answer") from error
            answered(answer)
            return answer

    def _unreachable(self) -> Unreachable:
        host = urlsplit(self._settings.constant_contact_api_url).netloc
        return Unreachable(f"Constant Contact cannot be reached at {host}")


def _was_never_connected(error: requests.RequestException) -> bool:
    """requests wraps urllib3's error, which keeps its cause: a connection that was never made carried nothing."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError | ConnectTimeoutError)


def _error(answer: requests.Response, *, queues_work: bool = False, of_a_run: bool = False) -> ConstantContactError:
    retry_after = answer.headers.get("Retry-After")
    return answer_error(
        answer.status_code, answer.content, retry_after=retry_after, queues_work=queues_work, of_a_run=of_a_run
    )
