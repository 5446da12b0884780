"""The gateway in front of the V3 API: token, limits, faults, scope and privilege, in this order."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.constant_contact import errors
from local.constant_contact.accounts import Account, Privilege
from local.constant_contact.answers import CutConnection, retry_after, server_error, unavailable
from local.constant_contact.errors import ApiError
from local.constant_contact.faults import Stage
from local.constant_contact.oauth.grants import Grant
from local.constant_contact.state import State


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the gateway let through."""

    request: Request
    state: State
    account: Account
    grant: Grant


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API, and what it requires of the token and of the user behind it."""

    method: str
    path: str
    handler: Handler
    scope: str | None
    privilege: Privilege | None

    def route(self, state: State) -> Route:
        """The operation behind the gateway."""

        async def endpoint(request: Request) -> Response:
            try:
                response = await self._answer(request, state)
            except ClientDisconnect:
                # Whoever asked has hung up before all of it had come.
                response = CutConnection()
            except ApiError as error:
                headers = retry_after(error.status, state.configuration.retry_after_seconds)
                if error.body is None:
                    response = Response(status_code=error.status, headers=headers)
                else:
                    response = JSONResponse(error.body, error.status, headers)
            with state.lock:
                cut = isinstance(response, CutConnection)
                state.statistics.answered(f"{self.method} {self.path}", "cut" if cut else str(response.status_code))
            return response

        return Route(self.path, endpoint, methods=[self.method])

    async def _answer(self, request: Request, state: State) -> Response:
        with state.lock:
            grant = _authorized(request, state)
            _within_limits(grant, state)
            fault = state.faults.take(Stage.BEFORE, request.url.path)
        if fault and fault.name == "slow":
            await asyncio.sleep(fault.delay_seconds)
        elif fault:
            return _struck(fault.name, state)
        if self.scope is not None and self.scope not in grant.scopes:
            raise errors.missing_scope()
        if self.privilege is not None and self.privilege not in grant.user.privileges:
            raise errors.missing_privilege()
        response = await self.handler(Call(request, state, state.accounts[grant.user.account_id], grant))
        with state.lock:
            lost = state.faults.take(Stage.AFTER, request.url.path)
        if lost:
            return CutConnection() if lost.name == "cut-after" else _struck("unavailable", state)
        return response


def _authorized(request: Request, state: State) -> Grant:
    scheme, _, access_token = request.headers.get("authorization", "").partition(" ")
    grant = state.grants.grant_of(access_token) if scheme.lower() == "bearer" else None
    if grant is None:
        raise errors.unauthorized()
    return grant


def _within_limits(grant: Grant, state: State) -> None:
    now = state.clock.now()
    state.statistics.seen(grant.client_id, now)
    state.limits.admit(grant.client_id)
    state.statistics.accepted(grant.client_id, now)


def _struck(name: str, state: State) -> Response:
    match name:
        case "throttled":
            raise errors.throttled()
        case "quota-exceeded":
            raise errors.quota_exceeded()
        case "unauthorized":
            raise errors.unauthorized()
        case "forbidden":
            raise errors.missing_privilege()
        case "server-error":
            return server_error()
        case "unavailable":
            return unavailable(state.configuration.retry_after_seconds)
        case _:
            return CutConnection()
