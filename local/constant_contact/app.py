"""The web application: sign-in, tokens, the V3 API and the simulator's controls on one port."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.constant_contact import errors
from local.constant_contact.control.faults import fault_routes
from local.constant_contact.control.observation import observation_routes
from local.constant_contact.control.setup import setup_routes
from local.constant_contact.oauth.authorize_page import authorize_routes
from local.constant_contact.oauth.token_endpoint import token_routes
from local.constant_contact.state import State
from local.constant_contact.v3.operations import OPERATIONS


def build_app(state: State) -> FastAPI:
    """The application around that state."""
    app = FastAPI(
        openapi_url=None,
        routes=[
            *authorize_routes(state),
            *token_routes(state),
            *(operation.route(state) for operation in OPERATIONS),
        ],
        exception_handlers={404: _unknown_path},
    )
    app.include_router(fault_routes(state))
    app.include_router(observation_routes(state))
    app.include_router(setup_routes(state))
    return app


async def _unknown_path(request: Request, error: Exception) -> Response:
    """The gateway answers 403 outside of /v3, the service behind it 404."""
    path = request.url.path
    if path.startswith("/v3/"):
        return JSONResponse(errors.not_found(f"There is no resource {path}.").body, 404)
    if path.startswith("/_simulator/"):
        return JSONResponse({"detail": getattr(error, "detail", "Not Found")}, 404)
    return JSONResponse({"message": "Forbidden"}, 403)
