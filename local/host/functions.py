"""The functions of an app with their triggers, read from what the worker says of its bindings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from local.host.errors import AppInvalid
from local.host.routes import RouteTemplate
from local.host.schedules import Schedule, parse_schedule
from local.host.settings import is_disabled, resolve
from local.host.storage import HOST_CONNECTION
from local.host.wire import RpcFunctionMetadata

# Azure Storage, "Naming queues and metadata".
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


class AuthLevel(Enum):
    """Which key opens an HTTP function."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


@dataclass(frozen=True)
class HttpTrigger:
    """`methods` is None when every method is served."""

    route: RouteTemplate
    methods: frozenset[str] | None
    level: AuthLevel


@dataclass(frozen=True)
class QueueTrigger:
    """Messages of one queue."""

    queue: str
    connection: str


@dataclass(frozen=True)
class TimerTrigger:
    """`use_monitor`: remember runs, so that one missed while the host was down is made up for."""

    schedule: Schedule
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True)
class BlobTrigger:
    """Blobs announced by Event Grid; `path` is `container/pattern`; with `sdk_type` the function gets a client."""

    path: str
    connection: str
    sdk_type: bool


Trigger = HttpTrigger | QueueTrigger | TimerTrigger | BlobTrigger


@dataclass(frozen=True)
class Function:
    """One function; `parameter` receives the trigger's value."""

    id: str
    name: str
    parameter: str
    trigger: Trigger
    disabled: bool

    @property
    def host_name(self) -> str:
        """The name under which the host keeps state: in blob paths, in blob messages, in webhooks."""
        return f"Host.Functions.{self.name}"


def read_functions(metadata: Sequence[RpcFunctionMetadata]) -> list[Function]:
    """Type every function's trigger, in alphabetical order of the functions' names.

    Raises AppInvalid for what this host does not offer, SettingMissing for a `%NAME%` without setting.
    """
    functions = [_read(one) for one in sorted(metadata, key=lambda one: (one.name.casefold(), one.name))]
    _refuse_equal_routes(functions)
    return functions


def _read(metadata: RpcFunctionMetadata) -> Function:
    bindings: list[dict[str, Any]] = [json.loads(raw) for raw in metadata.raw_bindings]
    triggers = [binding for binding in bindings if binding["type"] in _READERS]
    unsupported = sorted(
        {binding["type"] for binding in bindings} - set(_READERS) - ({"http"} if _is_http(triggers) else set())
    )
    if unsupported:
        raise AppInvalid(
            f"Function {metadata.name} declares {', '.join(unsupported)}, which this host does not offer. It offers "
            "HTTP, queue, timer and blob (Event Grid) triggers; send and read with the storage SDK instead."
        )
    if metadata.retry_options is not None:
        raise AppInvalid(
            f"Function {metadata.name} declares a retry policy, which this host does not offer. Remove it."
        )
    binding = triggers[0]
    return Function(
        id=metadata.function_id,
        name=metadata.name,
        parameter=binding["name"],
        trigger=_READERS[binding["type"]](metadata.name, binding),
        disabled=is_disabled(metadata.name),
    )


def _is_http(triggers: Sequence[Mapping[str, Any]]) -> bool:
    return any(trigger["type"] == "httpTrigger" for trigger in triggers)


def _http(function: str, binding: Mapping[str, Any]) -> HttpTrigger:
    methods = binding.get("methods")
    route = binding.get("route") or function
    # The whole word space is the host's own, whatever the prefix: `administration` is refused as well.
    if route.strip("/").lower().startswith(("admin", "runtime")):
        raise AppInvalid(
            f"Function {function} has the route {route!r}; routes that begin with admin or runtime are the host's own. "
            "Choose another."
        )
    return HttpTrigger(
        route=RouteTemplate(route, where=f"Function {function}"),
        methods=frozenset(method.upper() for method in methods) if methods else None,
        level=AuthLevel[binding.get("authLevel", "FUNCTION").upper()],
    )


def _queue(function: str, binding: Mapping[str, Any]) -> QueueTrigger:
    queue = resolve(binding["queueName"], f"Function {function}")
    if not _QUEUE_NAME.fullmatch(queue):
        raise AppInvalid(
            f"Function {function} names the queue {queue!r}; use 3 to 63 lower-case letters, digits and single dashes."
        )
    return QueueTrigger(
        queue=queue,
        connection=binding.get("connection") or HOST_CONNECTION,
    )


def _timer(function: str, binding: Mapping[str, Any]) -> TimerTrigger:
    schedule = parse_schedule(resolve(binding["schedule"], f"Function {function}"), where=f"Function {function}")
    return TimerTrigger(
        schedule=schedule,
        run_on_startup=binding.get("runOnStartup", False),
        use_monitor=binding.get("useMonitor", True) and not schedule.fires_more_than_once_a_minute(),
    )


def _blob(function: str, binding: Mapping[str, Any]) -> BlobTrigger:
    if str(binding.get("source", "")).lower() != "eventgrid":
        raise AppInvalid(
            f"Function {function} has a blob trigger that scans its container, which Flex Consumption and this host do "
            'not offer. Declare source="EventGrid".'
        )
    return BlobTrigger(
        path=resolve(binding["path"], f"Function {function}"),
        connection=binding.get("connection") or HOST_CONNECTION,
        sdk_type=binding.get("properties", {}).get("SupportsDeferredBinding", False),
    )


_READERS: dict[str, Callable[[str, Mapping[str, Any]], Trigger]] = {
    "httpTrigger": _http,
    "queueTrigger": _queue,
    "timerTrigger": _timer,
    "blobTrigger": _blob,
}


def _refuse_equal_routes(functions: Sequence[Function]) -> None:
    """As ScriptHost.ValidateHttpFunction does: the same route text and a method in common is a mistake."""
    seen: list[tuple[str, HttpTrigger]] = []
    for function in functions:
        trigger = function.trigger
        if not isinstance(trigger, HttpTrigger):
            continue
        for other_name, other in seen:
            same_route = trigger.route.text.strip("/").lower() == other.route.text.strip("/").lower()
            if same_route and (not trigger.methods or not other.methods or trigger.methods & other.methods):
                raise AppInvalid(
                    f"Functions {other_name} and {function.name} have one route, {trigger.route.text!r}. Change it."
                )
        seen.append((function.name, trigger))
