"""What is fuzzed: each target takes any bytes, lets the app read them, and fails where it does not refuse in words."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import requests
from pydantic import ValidationError

from exporters.batches import Place, cut_batches, place_of_line
from exporters.constant_contact.answers import Activity, ActivityPage, ContactList, parsed
from exporters.constant_contact.errors import ConstantContactError, Unreadable, answer_error, without_addresses
from exporters.contacts import Contact, Mapping, Rejected, to_contact
from exporters.email_address import InvalidAddress, clean
from shared.snapshots import ReadOptions, Snapshot, SnapshotError, preview, read_rows
from shared.snapshots.model_file import parse_model
from shared.snapshots.models import Partition
from shared.snapshots.paths import OutsideContainer, date_folder, flat_file, kind_of, natural_order, path_in_container
from tests.fuzz.asking_the_site import ask_the_site
from tests.fuzz.token_answers import read_token_answer
from tests.hostile.bombs import MadeUp

URL = "https://account.blob.core.windows.net/segments"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """One surface: what is called with the bytes, and bytes to begin with."""

    call: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def read_csv(data: bytes) -> None:
    """A CSV partition: the first byte chooses what is known about it."""
    if not data:
        return
    choice, content = data[0], data[1:]
    columns = ("Id", "EMail") if choice & 1 else None
    encoding = (None, "utf-16", "cp1252", "shift_jis")[choice >> 1 & 3]
    partition = Partition(
        path="a.csv",
        etag="1",
        size=len(content),
        gzip=bool(choice & 8),
        header="yes" if choice & 16 else "auto",
        encoding=encoding,
        quoting="none" if choice & 32 else "csv",
    )
    snapshot = Snapshot(segment="VIP", id="s", taken_at=WHEN, partitions=(partition,), columns=columns)
    container = MadeUp(len(content), lambda offset, length: content[offset : offset + length])
    try:
        for row in read_rows(container, snapshot, ["EMail"], max_bytes=1_000_000, max_rows=1_000):  # type: ignore[arg-type]
            assert row.line >= 1
            str(row).encode()
        preview(container, snapshot, ReadOptions())  # type: ignore[arg-type]
    except SnapshotError as error:
        in_words(error, "a.csv")


def read_model(data: bytes) -> None:
    """A model.json."""
    try:
        model = parse_model("r/model.json", data, URL, WHEN)
        for table in ("r/T", "r/VIP", ""):
            model.entity_of(table)
    except SnapshotError as error:
        in_words(error, "r/model.json")
        return
    for entity in model.entities:
        for partition in entity.partitions:
            is_inside(partition.path)


def read_path(data: bytes) -> None:
    """The location of a partition, and the path of a blob."""
    location = data.decode("utf-8", "surrogateescape")
    with contextlib.suppress(OutsideContainer):
        is_inside(path_in_container(location, URL, "r"))
    flat_file(location)
    date_folder(location)
    natural_order(location)
    kind_of(location)


def clean_address(data: bytes) -> None:
    """An e-mail address: what is cleaned stays as it is when it is cleaned again."""
    raw = data.decode("utf-8", "surrogateescape")
    try:
        address = clean(raw)
    except InvalidAddress:
        return
    assert address.isascii()
    assert address.isprintable()
    assert len(address) <= 80
    assert clean(address) == address


MAPPING = Mapping(
    fields={
        "email": "a",
        "first_name": "b",
        "phone": "c",
        "anniversary": "d",
        "birthday_month": "e",
        "birthday_day": "f",
        "cf:level": "b",
    }
)


def make_contact(data: bytes) -> None:
    """A profile: the cells of its contact are one line each, within their lengths, and make a CSV that reads back."""
    cells = [*data.decode("utf-8", "replace").split("\x1f"), *[""] * 6]
    values = ["a@example.com" if data[:1] == b"!" else cells[0], *cells[1:6]]
    contact = to_contact(values, MAPPING)
    if isinstance(contact, Rejected):
        return
    assert isinstance(contact, Contact)
    for value in contact.values:
        assert not set(value) & set("\r\n\x85\u2028\u2029\0")
        assert len(value) <= 255
        assert unicodedata.is_normalized("NFC", value)
    (batch,) = cut_batches([(Place(0, 0, 2), contact)], MAPPING.import_columns)
    header, row = csv.reader(io.StringIO(batch.content.decode(), newline=""))
    assert (tuple(header), tuple(row)) == (MAPPING.import_columns, contact.values)
    assert place_of_line(batch.places, 2) == Place(0, 0, 2)


def read_answer(data: bytes) -> None:
    """An answer of Constant Contact's: as an error, as a page of activities, as one activity."""
    if not data:
        return
    status, body = 200 + data[0] * 2, data[1:]
    error = answer_error(status, body, retry_after=body[:8].decode("latin-1"), queues_work=bool(data[0] & 1))
    in_words(error, "")
    answer = requests.Response()
    answer.status_code, answer._content = 200, body
    with contextlib.suppress(Unreadable):
        parsed(ContactList, answer)
    with contextlib.suppress(Unreadable):
        is_sound(parsed(Activity, answer))
    with contextlib.suppress(Unreadable):
        page = parsed(ActivityPage, answer)
        for one in page.items:
            with contextlib.suppress(ValidationError):
                is_sound(Activity.model_validate(one))
        path = page.next_path()
        assert path is None or path.partition("?")[0] == "/activities"


def is_sound(activity: Activity) -> None:
    """Every number of an activity can be counted with."""
    assert 0 <= round(activity.percent_done or 0) <= 100
    assert all(0 <= count <= 1_000_000_000 for count in activity.status.model_dump().values())
    for text in activity.activity_errors:
        without_addresses(text).encode()


def in_words(error: SnapshotError | ConstantContactError, path: str) -> None:
    """An error that may be stored, logged and shown."""
    said = str(error)
    assert path in said
    assert said.isprintable()
    assert len(said) <= 10_000
    assert "@example.com" not in said


def is_inside(path: str) -> None:
    """A path that leads nowhere else."""
    assert path.isprintable()
    assert "\\" not in path
    assert not {"", ".", ".."} & set(path.split("/"))


CSV = b'Id,EMail\n1,a@example.com\n"2","b ""c""@example.com"\r\n'
LOCATION = f"{URL}/r/VIP/2026/11/22/0130/VIP_1.csv"
PART = {"name": "p", "location": LOCATION, "fileFormatSettings": {"delimiter": ";", "encoding": "utf-8"}}
MODEL = {"entities": [{"name": "VIP", "attributes": [{"name": "EMail"}], "partitions": [PART]}]}
ACTIVITY = {
    "activity_id": "7",
    "state": "completed",
    "percent_done": 33.3,
    "activity_errors": ["line 3: a@example.com is invalid"],
    "status": {"items_total_count": 3, "error_count": 1},
}
PAGE = json.dumps({"activities": [ACTIVITY], "_links": {"next": {"href": "/v3/activities?cursor=2"}}}).encode()
ERRORS = b'[{"error_key": "throttled", "error_message": "a@example.com is not valid"}]'
PROFILE = b"!\x1fAna\x1f+39 333\x1f2020-02-29T10:00\x1f2\x1f29"
TOKEN = b'{"access_token": "a", "refresh_token": "r", "expires_in": 86400, "scope": "contact_data", "error": ""}'
EXPORT = json.dumps(
    {
        "name": "N",
        "connection_id": "shop",
        "list_id": "5f2c8a10-56dd-11e9-932a-fa163ea075fa",
        "segments": ["VIP"],
        "mapping": {"email": "EMail", "cf:level": "Level"},
        "reading": {"header": "yes", "delimiter": ";", "encoding": "utf-8"},
        "schedule": {"recurrence": "weekly", "days": ["friday"], "times": ["06:30"], "time_zone": "Europe/Rome"},
    }
).encode()

TARGETS = {
    "csv": Target(
        read_csv, (b"\0" + CSV, b"\1" + CSV, b"\x08" + gzip.compress(CSV), b"\2" + CSV.decode().encode("utf-16"))
    ),
    "model": Target(read_model, (json.dumps(MODEL).encode(),)),
    "paths": Target(
        read_path, (LOCATION.encode(), b"abfss://segments@a.example/r/T.csv", b"T_1613059542.csv", b"T/2026/11/22/0130")
    ),
    "email": Target(clean_address, (b"a.b+c@example.com", "ü@bücher.example".encode(), b'"a b"@[127.0.0.1]')),
    "contacts": Target(make_contact, (PROFILE, b"a@example.com\x1f\xcc\x81")),
    "answers": Target(read_answer, (b"\x64" + ERRORS, b"\x00" + PAGE, b"\x72" + ERRORS)),
    "tokens": Target(read_token_answer, (b"\0" + TOKEN, b"\x80" + TOKEN)),
    "site": Target(
        ask_the_site, (b'\0{"display_name": "Shop", "consent": true}', b"\1" + EXPORT, b"\2shop/runs?limit=2", b"\4x-y")
    ),
}
