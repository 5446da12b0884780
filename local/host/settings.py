"""App settings (environment and local.settings.json), `%NAME%` in binding strings, host.json and the host id."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.host.errors import SettingMissing
from local.host.timespans import parse_timespan

CORES = os.cpu_count() or 1


def _timespan(value: object) -> timedelta:
    parsed = parse_timespan(value) if isinstance(value, str) else None
    if parsed is None:
        raise ValueError("must be a time span such as 00:00:02")
    return parsed


TimeSpan = Annotated[timedelta, BeforeValidator(_timespan)]


class _Section(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class HttpOptions(_Section):
    """`extensions.http`."""

    route_prefix: str = "api"


class QueueOptions(_Section):
    """`extensions.queues`; defaults of the storage extension (`QueuesOptions.cs`)."""

    batch_size: int = Field(16, ge=1, le=32)
    new_batch_threshold: int | None = Field(None, ge=0)
    max_dequeue_count: int = Field(5, ge=1)
    visibility_timeout: TimeSpan = timedelta(0)
    max_polling_interval: TimeSpan = timedelta(minutes=1)
    message_encoding: Literal["base64", "none"] = "base64"


class BlobOptions(_Section):
    """`extensions.blobs`."""

    max_degree_of_parallelism: int = Field(8 * CORES, ge=1)
    poison_blob_threshold: int = Field(5, ge=1)


class Extensions(_Section):
    """`extensions`: each trigger's own options."""

    http: HttpOptions = HttpOptions()
    queues: QueueOptions = Field(default_factory=lambda: QueueOptions.model_validate({}))
    blobs: BlobOptions = Field(default_factory=lambda: BlobOptions.model_validate({}))


class HostJson(_Section):
    """The part of host.json that this host keeps; the rest (telemetry, bundles, ...) concerns Azure only."""

    extensions: Extensions = Extensions()


def read_host_json(app: Path) -> HostJson:
    """Read host.json of the app folder; raises SettingMissing when it is absent or a value is not allowed."""
    path = app / "host.json"
    try:
        return HostJson.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingMissing(f"{path} does not exist. Name the app's folder with --app.") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise SettingMissing(f"{path} cannot be used: {problems}.") from None


def fill_in_local_settings(app: Path) -> None:
    """Put the Values of local.settings.json, if there is one, into the environment where it says nothing yet."""
    path = app / "local.settings.json"
    if not path.exists():
        return
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig")).get("Values", {})
    except (json.JSONDecodeError, AttributeError):
        raise SettingMissing(f"{path} is not a JSON object with Values.") from None
    for name, value in values.items():
        os.environ.setdefault(name, str(value))


def resolve(text: str, where: str) -> str:
    """Replace every `%NAME%` of a binding string by that setting.

    Raises SettingMissing, naming `where` the string stands, when there is no such setting.
    """

    def value(match: re.Match[str]) -> str:
        setting = os.environ.get(match[1])
        if setting is None:
            raise SettingMissing(f"{where} uses %{match[1]}%, but there is no setting {match[1]}. Set it.")
        return setting

    return re.sub(r"%([^%]+)%", value, text)


def is_disabled(function: str) -> bool:
    """Whether a setting `AzureWebJobs.<function>.Disabled` (or with `_` for `.`) switches the function off."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(os.environ.get(name, "").lower() in {"true", "1"} for name in names)


def is_signing_in() -> bool:
    """Whether the setting that the platform sets while its authentication is on says that it is."""
    return os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() in {"true", "1"}


def host_id(app: Path) -> str:
    """Id that all instances of an app share: setting `AzureFunctionsWebHost__hostid`, else machine and path.

    At most 32 lower-case letters, digits and dashes, as it becomes part of a queue's name; else SettingMissing.
    """
    given = os.environ.get("AzureFunctionsWebHost__hostid")  # noqa: SIM112 - the name that Azure uses
    if given is None:
        machine = re.sub(r"[^a-z0-9]", "", socket.gethostname().lower())[:20] or "host"
        return f"{machine}-{hashlib.sha256(str(app).encode()).hexdigest()[:10]}"
    if not re.fullmatch(r"(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*", given):
        raise SettingMissing(
            f"AzureFunctionsWebHost__hostid is {given!r}; use at most 32 lower-case letters, digits and single dashes."
        )
    return given
