"""The ingestion of Application Insights, over https, for senders that show a token of their identity."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.certificates import Certificates


@dataclass
class Insights:
    """What has come: the data of each envelope, and for whom the tokens were that came with them."""

    connection_string: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    audiences: set[str] = field(default_factory=set)


@contextlib.contextmanager
def listening(certificates: Certificates) -> Iterator[Insights]:
    """An endpoint for the block."""
    insights = Insights()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            sent = json.loads(body) if self.path.endswith("/track") else []
            insights.audiences.add(_audience(self.headers.get("Authorization", "")))
            insights.received += sent
            answer = {"itemsReceived": len(sent), "itemsAccepted": len(sent), "errors": []}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = f"https://127.0.0.1:{server.server_port}/"
        key = "00000000-0000-0000-0000-000000000001"
        insights.connection_string = f"InstrumentationKey={key};IngestionEndpoint={address};LiveEndpoint={address}"
        try:
            yield insights
        finally:
            server.shutdown()
            thread.join()


def _audience(authorization: str) -> str:
    kind, _, token = authorization.partition(" ")
    if kind != "Bearer":
        return "nobody"
    claims = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"])
