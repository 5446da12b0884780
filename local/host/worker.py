"""Microsoft's worker library on an event loop of its own, in a thread of this process.

Its loop is not the listeners' one: an app that blocks it must not keep the host from renewing messages and leases,
as in Azure, where host and worker are two processes. The library's state is global, so a process has one worker.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from local.host import wire
from local.host.errors import AppInvalid

T = TypeVar("T")


class Worker:
    """Imports the app folder `app` and runs its functions."""

    def __init__(self, app: Path) -> None:
        # The app's own modules come first, as its folder is the worker's home in Azure.
        sys.path.insert(0, str(app))
        os.chdir(app)
        self._app = app
        try:
            self._library = importlib.import_module("azure_functions_runtime")
        except ImportError as error:
            raise AppInvalid(
                f"The worker library cannot be imported: {error}. Install azure-functions-runtime."
            ) from error
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="worker", daemon=True).start()
        self._library.start_threadpool_executor()

    def index(self) -> Sequence[wire.RpcFunctionMetadata]:
        """Import `function_app.py` and list its functions; only once in a process.

        Raises AppInvalid with the app's own message and traceback when it cannot be imported.
        """
        initialised: wire.WorkerInitResponse = self._call(
            self._library.worker_init_request,
            "worker_init_request",
            SimpleNamespace(capabilities={}, function_app_directory=str(self._app)),
        ).result()
        failure = initialised.result.exception
        if failure is not None:
            raise AppInvalid(f"The app cannot be loaded: {failure.message}\n{failure.stack_trace.rstrip()}")
        if "HttpUri" in initialised.capabilities:
            raise AppInvalid(
                "The app streams HTTP (azurefunctions-extensions-http-fastapi), which this host does not do."
            )
        listed: wire.FunctionMetadataResponse = self._call(
            self._library.functions_metadata_request, "functions_metadata_request", SimpleNamespace()
        ).result()
        if not listed.function_metadata_results:
            raise AppInvalid(f"No functions were found in {self._app / 'function_app.py'}.")
        return listed.function_metadata_results

    def invoke(self, request: wire.InvocationRequest) -> Future[wire.InvocationResponse]:
        """Run a function; an exception of the function is part of the response, never raised."""
        return self._call(self._library.invocation_request, "invocation_request", request)

    def _call(self, entry: Any, name: str, message: object) -> Future[Any]:
        request = SimpleNamespace(
            request=SimpleNamespace(**{name: message}), properties={"host": "127.0.0.1", "protos": wire}
        )
        coroutine: Coroutine[Any, Any, Any] = entry(request)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
