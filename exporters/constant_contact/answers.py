"""What Constant Contact answers: read in bounded time and memory, and made into plain data.

Nothing of an answer is trusted: numbers that count are never negative or without end, texts and lists are cut to what
is of use, and of a link to the next page only a path to the same kind of things is followed.
"""

from __future__ import annotations

import math
import time
import zlib
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from urllib3.exceptions import HTTPError

from exporters.constant_contact.errors import NoAnswer, Unreadable
from exporters.constant_contact.their_words import told

LARGEST_ANSWER = 16 * 1024**2
_GZIP_FORMAT = 31  # zlib's number for a gzip header and trailer
_READ_AT_ONCE = 65_536
# An activity has at most 40,000 lines to complain of; its counters count no more.
_MOST_ERRORS = 40_000
_MOST_A_PAGE = 10_000  # 500 are asked for
_LONGEST_NAME = 255
_LARGEST_COUNT = 1_000_000_000
_LONGEST_LINK = 2_000

Parsed = TypeVar("Parsed", bound=BaseModel)


def _count(given: int) -> int:
    return min(max(given, 0), _LARGEST_COUNT)


def _percent(given: float | None) -> float | None:
    return min(max(given, 0.0), 100.0) if given is not None and math.isfinite(given) else None


def _error_text(text: str) -> str:
    """What an activity complains of may repeat what was in its file."""
    return told(text)


def _name(text: str) -> str:
    """A name that somebody gave, on one line; nothing of it is hidden, since people know the thing by it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_LONGEST_NAME]


def _none_is_empty(given: object) -> object:
    return [] if given is None else given


def _first_ones(given: object) -> object:
    return given[:_MOST_ERRORS] if isinstance(given, list) else given


Count = Annotated[int, AfterValidator(_count)]
Percent = Annotated[float | None, AfterValidator(_percent)]
ErrorText = Annotated[str, AfterValidator(_error_text)]
GivenName = Annotated[str, AfterValidator(_name)]
Items = Annotated[list[Any], Field(max_length=_MOST_A_PAGE), BeforeValidator(_none_is_empty)]
ActivityId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,100}$")]
# Time-based or random, and numbers in an older interface: only what could not stand in a path is none.
ListId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,100}$")]


class _Answer(BaseModel):
    """What the service sends; a field that it leaves empty (null) has its default."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


class ActivityStatus(_Answer):
    """The counters of an activity. `items_total_count` includes the header row of the file."""

    items_total_count: Count = 0
    person_count: Count = 0
    error_count: Count = 0
    correctable_count: Count = 0
    cannot_add_to_list_count: Count = 0


class Activity(_Answer):
    """Constant Contact's asynchronous job for one batch; `activity_errors` are told in words of ours."""

    activity_id: ActivityId
    state: str = ""
    percent_done: Percent = None
    source_file_name: str | None = None
    activity_errors: Annotated[tuple[ErrorText, ...], Field(fail_fast=True), BeforeValidator(_first_ones)] = ()
    status: ActivityStatus = Field(default_factory=ActivityStatus)

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in ("completed", "failed", "timed_out", "cancelled")


class ContactList(_Answer):
    """A list of contacts in the account; `membership_count` is None unless it was asked for.

    `deleted_at` is there when it was deleted (V3 specification, the list object).
    """

    list_id: ListId
    name: GivenName = ""
    membership_count: Count | None = None
    deleted_at: Any = None


class CustomField(_Answer):
    """A field of the account's own. An import calls it `cf:<name>`; its label is for people."""

    name: Annotated[str, StringConstraints(min_length=1)]
    label: GivenName = ""
    type: GivenName = ""


class Page(BaseModel):
    """A page of things, each still as it was sent: one that is not understood must not hide the others."""

    path: ClassVar[str]
    operation: ClassVar[str]
    things: ClassVar[str]

    # Each page has it under a name of its own. Required: a page without it is not an empty one, it is no such page.
    items: Items
    links: dict[str, Any] | None = Field(default=None, alias="_links")

    def next_path(self) -> str | None:
        """The path of the next page below the API's base address; only path and query of the link are used.

        Raises Unreadable when the link leads anywhere else than to more of the same.
        """
        following = (self.links or {}).get("next")
        href = following.get("href") if isinstance(following, dict) else None
        if not isinstance(href, str) or not href:
            return None
        try:
            parts = urlsplit(urljoin("/v3/", href)) if len(href) <= _LONGEST_LINK else None
        except ValueError:
            parts = None
        path = parts.path.removeprefix("/v3") if parts else ""
        if parts is None or path != self.path:
            raise Unreadable(f"Constant Contact's link to more {self.things} cannot be followed")
        return path + (f"?{parts.query}" if parts.query else "")


class ActivityPage(Page):
    """A page of the account's activities."""

    path, operation, things = "/activities", "activities", "activities"

    items: Items = Field(alias="activities")


class ContactListPage(Page):
    """A page of the account's lists."""

    path, operation, things = "/contact_lists", "contact_lists", "lists"

    items: Items = Field(alias="lists")


class CustomFieldPage(Page):
    """A page of the account's custom fields."""

    path, operation, things = "/contact_custom_fields", "custom_fields", "custom fields"

    items: Items = Field(alias="custom_fields")


def parsed(model: type[Parsed], answer: requests.Response) -> Parsed:
    """The body of a success; raises Unreadable when it is of another shape."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        raise Unreadable(f"Constant Contact's answer (HTTP {answer.status_code}) cannot be read") from None


def read_body(answer: requests.Response, until: float) -> None:
    """Read the whole body of a streamed answer, so that `answer.content` gives it, decoded if it is gzip.

    Raises NoAnswer when it is not there at `until` (`time.monotonic()`), breaks off, or is larger than an answer is.
    """
    body = bytearray()
    try:
        with answer:
            # What has come so far, and not a whole block: a body that trickles in is looked at again and again.
            while chunk := answer.raw.read1(_READ_AT_ONCE, decode_content=False):
                body += chunk
                if time.monotonic() > until or len(body) > LARGEST_ANSWER:
                    raise NoAnswer("Constant Contact's answer took too long, or was too large")
    except HTTPError as error:
        raise NoAnswer("Constant Contact's answer broke off") from error
    is_gzip = answer.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")
    answer._content = _unpacked(bytes(body)) if is_gzip else bytes(body)


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP_FORMAT)
    try:
        content = unpacking.decompress(packed, LARGEST_ANSWER + 1)
    except zlib.error:
        return packed  # Whoever parses it will say that it cannot be read.
    if len(content) > LARGEST_ANSWER:
        raise NoAnswer("Constant Contact's answer took too long, or was too large")
    return content
