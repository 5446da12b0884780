"""The managed identity endpoint of App Service: it gives the app's plain `DefaultAzureCredential()` its tokens.

Protocol: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference (2019-08-01).
The tokens are well formed but unsigned: they open what checks no signature, which is what runs beside this endpoint.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import time
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, Query
from fastapi.responses import JSONResponse

API_VERSION = "2019-08-01"
TOKEN_SECONDS = 24 * 3600
CLIENT_ID = "00000000-0000-0000-0000-0000000000a1"
TENANT_ID = "00000000-0000-0000-0000-0000000000b1"


def unsigned_token(resource: str, expires_at: int) -> str:
    """A JSON web token for `resource` that nobody signed; `expires_at` in Unix seconds."""
    now = int(time.time())
    issuer = f"https://sts.windows.net/{TENANT_ID}/"
    claims = {"aud": resource, "iss": issuer, "appid": CLIENT_ID, "iat": now, "nbf": now, "exp": expires_at}
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def identity_app(secret: str, client_id: str | None = None) -> FastAPI:
    """The endpoint as an ASGI application; it answers those who send `secret` as X-IDENTITY-HEADER.

    With `client_id` there is only that user-assigned identity, which has to be asked for by this id, as in Azure.
    """
    app = FastAPI(openapi_url=None)

    @app.get("/msi/token")
    async def token(
        resource: str = "",
        api_version: Annotated[str, Query(alias="api-version")] = "",
        asked_for: Annotated[str | None, Query(alias="client_id")] = None,
        x_identity_header: Annotated[str, Header()] = "",
    ) -> JSONResponse:
        if not hmac.compare_digest(x_identity_header, secret):
            return _refusal(401, "The header X-IDENTITY-HEADER is missing or wrong.")
        if api_version != API_VERSION or not resource:
            return _refusal(400, f"The parameters resource and api-version={API_VERSION} are required.")
        if client_id is not None and asked_for != client_id:
            return _refusal(400, "The app has no such identity. Name one that it has in the parameter client_id.")
        expires_on = int(time.time()) + TOKEN_SECONDS
        return JSONResponse(
            {
                "access_token": unsigned_token(resource, expires_on),
                "expires_on": str(expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": CLIENT_ID,
            }
        )

    return app


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse({"statusCode": status, "message": message}, status)


def main() -> None:
    """Serve the endpoint until the process is ended; the secret is taken from the environment, as the app takes it."""
    parser = argparse.ArgumentParser(prog="python -m local.identity", description="A managed identity endpoint.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--client-id", help="the only identity that there is: one that the user has assigned")
    options = parser.parse_args()
    uvicorn.run(
        identity_app(os.environ["IDENTITY_HEADER"], options.client_id),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
