"""JSON bodies of requests, checked."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from local.constant_contact import errors

Body = TypeVar("Body", bound=BaseModel)


async def json_body(request: Request, model: type[Body]) -> Body:
    """The body as that model, or ApiError: 415 when it is not sent as JSON, 400 when it is malformed or invalid."""
    if media_type(request) != "application/json":
        raise errors.unsupported_media_type("The Content-Type must be application/json.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise errors.invalid(f"{place or 'The body'}: {first['msg']}.") from error


def media_type(request: Request) -> str:
    """The Content-Type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
