"""Errors of the API in the two documented forms.

ApiError
 ├─ from the gateway (401, 403, 429): an object
 └─ from the service (400, 404, 409, 415): an array of objects
"""

from typing import Literal


class ApiError(Exception):
    """A call that is refused, with the status and the JSON body of the answer (None: an empty body)."""

    def __init__(self, status: int, body: dict[str, str] | list[dict[str, str]] | None) -> None:
        super().__init__(f"Answered with {status}: {body}")
        self.status = status
        self.body = body


def _of_gateway(status: int, key: str, message: str) -> ApiError:
    return ApiError(status, {"error_key": key, "error_message": message})


def _of_service(status: int, key: str, message: str) -> ApiError:
    return ApiError(status, [{"error_key": f"contacts.api.{key}", "error_message": message}])


def unauthorized() -> ApiError:
    """401: no access token, an unknown or an expired one."""
    return _of_gateway(401, "unauthorized", "Unauthorized")


def missing_privilege() -> ApiError:
    """403: the role of the user who gave consent does not allow the call."""
    return _of_gateway(403, "access_denied", "Request forbidden due to insufficient user privileges.")


def missing_scope() -> ApiError:
    """403: the grant lacks the scope of the call. The wording is not documented."""
    return _of_gateway(403, "access_denied", "Request forbidden due to insufficient scope.")


def throttled() -> ApiError:
    """429: more than four requests in a second."""
    return _of_gateway(429, "throttled", "Too Many Requests")


def quota_exceeded() -> ApiError:
    """429: the requests of the day are used up, until 00:00 UTC."""
    return _of_gateway(429, "quota_exceeded", "Limit Exceeded")


def queue_full(body: Literal["object", "empty"]) -> ApiError:
    """429: too many queued activities in the account. The body is not documented."""
    if body == "empty":
        return ApiError(429, None)
    return _of_gateway(429, "queue_full", "You exceeded 1,000 queued activities for this user account.")


def invalid(message: str) -> ApiError:
    """400: the request is malformed or breaks a rule."""
    return _of_service(400, "validation.error", message)


def not_found(message: str) -> ApiError:
    """404: nothing has that id."""
    return _of_service(404, "not_found", message)


def conflict(message: str) -> ApiError:
    """409: the name is taken."""
    return _of_service(409, "conflict", message)


def unsupported_media_type(message: str) -> ApiError:
    """415: the content is not of the one accepted type. The body is not documented."""
    return _of_service(415, "unsupported_media_type", message)
