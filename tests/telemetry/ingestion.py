"""What Application Insights would have received: an endpoint of its ingestion on this machine."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit


class Ingestion:
    """Takes every envelope that is sent to it; `settings` are the app settings that lead there."""

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        received = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.paths.add(urlsplit(self.path).path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                taken = received._take(body) if urlsplit(self.path).path.endswith("/track") else 0
                answer = json.dumps({"itemsReceived": taken, "itemsAccepted": taken, "errors": []}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{self._server.server_address[1]}/"
        key = "00000000-0000-0000-0000-000000000001"
        self.connection_string = f"InstrumentationKey={key};IngestionEndpoint={address};LiveEndpoint={address}"

    def _take(self, body: bytes) -> int:
        found = json.loads(body)
        self.envelopes += found
        return len(found)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of every envelope of a kind: `RemoteDependencyData`, `MessageData`, `MetricData` …"""
        found = [one["data"] for one in list(self.envelopes)]
        return [one["baseData"] for one in found if one["baseType"] == kind]

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def listening() -> Iterator[Ingestion]:
    """An endpoint for the block."""
    ingestion = Ingestion()
    try:
        yield ingestion
    finally:
        ingestion.close()
