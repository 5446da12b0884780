"""The host's own addresses: `/admin` for operators, `/runtime/webhooks/blobs` for Event Grid.

Sources: HostController.cs and FunctionsController.cs of Azure/azure-functions-host, HttpRequestProcessor.cs of
Azure/azure-sdk-for-net, sdk/eventgrid/Microsoft.Azure.WebJobs.Extensions.EventGrid.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobClient
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.host.blobs import BlobEvents, BlobMessage
from local.host.functions import BlobTrigger, Function, HttpTrigger, QueueTrigger, TimerTrigger
from local.host.http_functions import key_of
from local.host.invocations import Invoker
from local.host.keys import Keyring
from local.host.queue_functions import metadata_by_hand
from local.host.timers import timer_value
from local.host.wire import TypedData

logger = logging.getLogger(__name__)


class _Call(BaseModel):
    """Body of `POST /admin/functions/<name>`."""

    input: str = ""


class _BlobData(BaseModel):
    model_config = ConfigDict(frozen=True)

    url: str
    e_tag: str = Field(alias="eTag")
    blob_type: str = Field(alias="blobType")


class _Event(BaseModel):
    """An event in Event Grid's schema or in CloudEvents': only its data is used."""

    data: _BlobData


_EVENTS = TypeAdapter(list[_Event])


class HostRoutes:
    """Everything under `/admin` and `/runtime`."""

    def __init__(
        self,
        functions: Sequence[Function],
        host_id: str,
        keys: Keyring,
        invoker: Invoker,
        blob_events: BlobEvents | None,
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._host_id = host_id
        self._keys = keys
        self._invoker = invoker
        self._blob_events = blob_events
        self._started = time.monotonic()
        self.routes = [
            Route("/admin/host/ping", self._ping, methods=["GET", "POST"]),
            Route("/admin/host/status", self._status, methods=["GET"]),
            Route("/admin/functions/{name}", self._call, methods=["POST"]),
            Route("/runtime/webhooks/blobs", self._blobs, methods=["POST"]),
        ]

    async def _ping(self, _request: Request) -> Response:
        return Response(status_code=200)

    async def _status(self, request: Request) -> Response:
        if not self._keys.is_master(key_of(request)):
            return Response(status_code=401)
        uptime = int((time.monotonic() - self._started) * 1000)
        return JSONResponse({"id": self._host_id, "state": "Running", "processUptime": uptime})

    async def _call(self, request: Request) -> Response:
        if not self._keys.is_master(key_of(request)):
            return Response(status_code=401)
        function = self._functions.get(request.path_params["name"].lower())
        if function is None:
            return Response(status_code=404)
        try:
            body = await request.body()
            given = _Call.model_validate_json(body).input if body else ""
        except ValidationError:
            return PlainTextResponse('The body must be JSON such as {"input": "text"}.', status_code=400)
        match function.trigger:
            case HttpTrigger():
                return PlainTextResponse("HTTP functions are called at their own route.", status_code=400)
            case TimerTrigger():
                # A timer called by hand leaves its status alone.
                self._invoker.start(function, timer_value(None, past_due=False), {}, "called by an operator")
            case QueueTrigger():
                self._invoker.start(function, TypedData(string=given), metadata_by_hand(given), "called by an operator")
            case BlobTrigger() as trigger:
                if self._blob_events is None or "/" not in given.strip("/"):
                    return PlainTextResponse("The input must be container/name of a blob.", status_code=400)
                arguments = (function, trigger, given.strip("/"))
                threading.Thread(target=self._blob_events.run_by_hand, args=arguments, daemon=True).start()
        return Response(status_code=202)

    async def _blobs(self, request: Request) -> Response:
        if self._blob_events is None:
            return Response(status_code=404)
        if not self._keys.opens_blob_webhook(key_of(request)):
            logger.warning("a blob event is refused: its key is not the system key blobs_extension")
            return Response(status_code=401)
        function = request.query_params.get("functionName", "")
        try:
            match request.headers.get("aeg-event-type", "").lower():
                case "subscriptionvalidation":
                    code = _first(json.loads(await request.body()))["data"]["validationCode"]
                    return JSONResponse({"validationResponse": code})
                case "notification":
                    return await self._enqueue(self._blob_events, function, json.loads(await request.body()))
                case "unsubscribe":
                    return Response(status_code=202)
        except (ValueError, KeyError, TypeError, IndexError):
            logger.warning("function=%s a blob event is refused: it is not in Event Grid's form", function)
        return Response(status_code=400)

    async def _enqueue(self, blob_events: BlobEvents, function: str, document: Any) -> Response:
        """202 only when every event is on the queue, so that Event Grid sends again what is not."""
        events = _EVENTS.validate_python(document if isinstance(document, list) else [document])
        try:
            for event in events:
                blob = BlobClient.from_blob_url(event.data.url)
                message = BlobMessage(
                    function_id=function,
                    blob_type=event.data.blob_type,
                    container_name=blob.container_name,
                    blob_name=blob.blob_name,
                    e_tag=f'"{event.data.e_tag}"',
                )
                await asyncio.to_thread(blob_events.enqueue, message)
        except AzureError as error:
            logger.warning("function=%s a blob event is not queued: %s", function, type(error).__name__)
            return Response(status_code=500)
        return Response(status_code=202)


def _first(document: Any) -> Any:
    return document[0] if isinstance(document, list) else document
