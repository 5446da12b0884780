"""What the path of a blob says: which segment it belongs to, when it was taken, what kind of file it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

MODEL_FILE = "model.json"

_FLAT = re.compile(r"(?P<stem>.+)_(?P<seconds>[0-9]{9,11})")
_ENDINGS = (".csv.gz", ".tsv.gz", ".txt.gz", ".csv", ".tsv", ".txt", ".gz", ".parquet")
_DATE_PARTS = (r"[0-9]{4}", r"[0-9]{2}", r"[0-9]{2}", r"[0-9]{4}")
# Unix seconds that a flat file may carry: other numbers at the end of a name are part of the name.
_FIRST_SECOND = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LAST_SECOND = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
# The service's limit for a blob's name.
_LONGEST_PATH = 1_024


class OutsideContainer(ValueError):
    """A location leads out of the container; its message says how, in the words of a relative clause."""


@dataclass(frozen=True, order=True)
class DateFolder:
    """The folder of one snapshot; `taken_at` is its path read as UTC. Sorts by time."""

    taken_at: datetime
    path: str
    table: str


@dataclass(frozen=True)
class FlatFile:
    """`<stem>_<unix seconds>.csv[.gz]`: a whole snapshot in one file."""

    stem: str
    taken_at: datetime


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def parent_of(path: str) -> str:
    """The folder of a path, "" at the top of the container."""
    return path.rpartition("/")[0]


def join(folder: str, name: str) -> str:
    """A path below a folder, which is "" at the top of the container."""
    return f"{folder}/{name}" if folder else name


def is_data_file(path: str) -> bool:
    """Whether a blob can be a partition: marker files (`_SUCCESS`, `.crc`) and directory stubs are not."""
    name = name_of(path)
    return not name.startswith(("_", ".")) and name != MODEL_FILE and name.lower().endswith(_ENDINGS)


def kind_of(path: str) -> Literal["csv", "parquet"]:
    """How the file's bytes are to be read; what is not named otherwise is CSV."""
    return "parquet" if path.lower().endswith(".parquet") else "csv"


def is_gzip(path: str) -> bool:
    """Whether the file's name says that it is compressed."""
    return path.lower().endswith(".gz")


def stem_of(path: str) -> str:
    """The file's name without the endings that say its format."""
    name = name_of(path)
    ending = next((ending for ending in _ENDINGS if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def flat_file(path: str) -> FlatFile | None:
    """What the name of a flat file says, or None for any other blob."""
    found = _FLAT.fullmatch(stem_of(path)) if is_data_file(path) else None
    if not found or not _FIRST_SECOND <= int(found["seconds"]) < _LAST_SECOND:
        return None
    return FlatFile(found["stem"], datetime.fromtimestamp(int(found["seconds"]), UTC))


def may_be_date_part(name: str, depth: int) -> bool:
    """Whether a folder's name has the form of a year (depth 0), month, day or time of day (3)."""
    return re.fullmatch(_DATE_PARTS[depth], name) is not None


def date_folder(path: str) -> DateFolder | None:
    """What `<table>/<yyyy>/<MM>/<dd>/<HHmm>` says; None where that is no time, such as month 13."""
    table, parts = path.split("/")[:-4], path.split("/")[-4:]
    if not table or not all(may_be_date_part(part, depth) for depth, part in enumerate(parts)):
        return None
    year, month, day, time = parts
    try:
        taken_at = datetime(int(year), int(month), int(day), int(time[:2]), int(time[2:]), tzinfo=UTC)
    except ValueError:
        return None
    return DateFolder(taken_at, path, "/".join(table))


def natural_order(path: str) -> tuple[tuple[str, int], ...]:
    """Sorts `Table_2` before `Table_10`."""
    return tuple((text, int(number or 0)) for text, number in re.findall(r"([^0-9]*)([0-9]{0,18})", path))


def path_in_container(location: str, container_url: str, root: str) -> str:
    """The blob that a partition's location means, by its path alone: host, query and fragment are not looked at.

    A location is an absolute URI (`https://<account>/<container>/<path>`, with the blob or dfs host, with an
    account before the container as emulators have it, or `abfss://<container>@<account>/<path>`) or
    `<container>/<path>`. Where the container is another one, a path that ends as a snapshot's does
    (`<table>/<yyyy>/<MM>/<dd>/<HHmm>/<file>`) means that file in `root`, the folder of the model.json: so a folder
    that was copied here can be read as it is. Raises OutsideContainer for any other path.
    """
    base = unquote(urlsplit(container_url).path).strip("/")
    container = name_of(base)
    try:
        uri = urlsplit(location)
    except ValueError as error:
        raise OutsideContainer("is not a valid address") from error
    path = unquote(uri.path).lstrip("/")
    if uri.scheme in ("abfs", "abfss", "wasb", "wasbs") and "@" in uri.netloc:
        path = f"{uri.netloc.partition('@')[0]}/{path}"
    if "\\" in path or not path.isprintable() or any(part in ("", ".", "..") for part in path.split("/")):
        raise OutsideContainer("has parts that lead elsewhere")
    if len(path) > _LONGEST_PATH + len(base):
        raise OutsideContainer("is longer than a blob's name can be")
    for prefix in (f"{base}/", f"{container}/"):
        if path.startswith(prefix):
            return path[len(prefix) :]
    copied = date_folder(parent_of(path))
    if copied:
        return join(root, "/".join(path.split("/")[-6:]))
    raise OutsideContainer(f"lies outside container '{container}'")
