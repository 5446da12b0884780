"""Puts the parts together: loads the app, starts its listeners, stops them in order."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Protocol

from opentelemetry.trace import Tracer

from local.host.blobs import BlobEvents
from local.host.functions import BlobTrigger, Function, HttpTrigger, QueueTrigger, TimerTrigger, read_functions
from local.host.host_routes import HostRoutes
from local.host.http_functions import HttpFunctions
from local.host.invocations import Invoker
from local.host.keys import Keyring, read_or_create_function_keys, read_or_create_host_keys
from local.host.locks import HOSTS_CONTAINER
from local.host.queue_functions import queue_listener
from local.host.settings import HostJson, fill_in_local_settings, host_id, is_signing_in, read_host_json
from local.host.storage import HOST_CONNECTION, blob_service, check_reachable, create_container, queue_service
from local.host.timers import TimerListener
from local.host.web import WebServer, bind
from local.host.worker import Worker

logger = logging.getLogger(__name__)


class _Listener(Protocol):
    """What makes functions run: starts, stops taking work, and can be waited for until its last work is recorded."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def join(self, seconds: float) -> None: ...


class Host:
    """All of one instance; `lease` is how many seconds a queue message is hidden while it runs.

    `tracer` makes the spans of its invocations.

    Raises HostError when the app, a setting, the storage account or the port does not allow to start.
    """

    def __init__(self, app: Path, port: int, lease: int, tracer: Tracer | None = None) -> None:
        fill_in_local_settings(app)
        options = read_host_json(app)
        listening = bind(port)
        worker = Worker(app)
        functions = read_functions(worker.index())
        for connection in {HOST_CONNECTION, *_connections(functions)}:
            check_reachable(connection)
        storage = blob_service(HOST_CONNECTION)
        create_container(storage, HOSTS_CONTAINER)
        identity = host_id(app)
        host_keys = read_or_create_host_keys(storage, identity)
        keys = Keyring(
            host_keys,
            {
                one.name: read_or_create_function_keys(storage, identity, one.name)
                for one in functions
                if isinstance(one.trigger, HttpTrigger)
            },
        )
        self._invoker = Invoker(worker, tracer)
        self._listeners: list[_Listener] = []
        blob_events = self._add_listeners(functions, options, identity, lease)
        self._web = WebServer(
            listening,
            HostRoutes(functions, identity, keys, self._invoker, blob_events),
            HttpFunctions(functions, options.extensions.http.route_prefix, keys, self._invoker),
            # The master key is what all instances share and nobody else knows.
            sign_in_key=host_keys.master if is_signing_in() else None,
        )
        self._functions = functions

    def start(self) -> None:
        """Start every listener."""
        for listener in (*self._listeners, self._web):
            listener.start()
        names = " ".join(f"{one.name}{' (disabled)' if one.disabled else ''}" for one in self._functions)
        logger.info("listening on %s functions: %s", self._web.url, names)

    def stop(self, seconds: float) -> bool:
        """Fetch and accept nothing more, let what runs end; False when something still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        parts = (*self._listeners, self._web)
        for part in parts:
            part.stop()
        idle = self._invoker.wait_until_idle(seconds)
        for part in parts:
            part.join(max(0.0, deadline - time.monotonic()))
        return idle

    def _add_listeners(
        self, functions: list[Function], options: HostJson, identity: str, lease: int
    ) -> BlobEvents | None:
        blob_functions = []
        for function in functions:
            if function.disabled:
                continue
            match function.trigger:
                case QueueTrigger() as trigger:
                    account = queue_service(trigger.connection)
                    queues = options.extensions.queues
                    self._listeners.append(queue_listener(function, trigger, account, queues, lease, self._invoker))
                case TimerTrigger() as trigger:
                    storage = blob_service(HOST_CONNECTION)
                    self._listeners.append(TimerListener(function, trigger, storage, identity, self._invoker))
                case BlobTrigger() as trigger:
                    blob_functions.append((function, trigger))
        if not blob_functions:
            return None
        blob_events = BlobEvents(blob_functions, identity, options.extensions, lease, self._invoker)
        self._listeners.append(blob_events)
        return blob_events


def _connections(functions: list[Function]) -> set[str]:
    return {one.trigger.connection for one in functions if isinstance(one.trigger, QueueTrigger | BlobTrigger)}
