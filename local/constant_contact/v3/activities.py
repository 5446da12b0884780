"""`/activities`: the asynchronous jobs of the last ten days."""

from starlette.responses import JSONResponse, Response

from local.constant_contact import errors
from local.constant_contact.v3.gateway import Call
from local.constant_contact.v3.paging import next_link, page_limit, page_query

STATES = ("processing", "completed", "cancelled", "failed", "timed_out")


async def all_activities(call: Call) -> Response:
    """`GET /activities`: a page of at most 500, newest first, in that state if asked for.

    The order is not documented. The cursor counts from the oldest, so that new activities do not shift the pages.
    """
    query, position = page_query(call.request.query_params, {"limit", "state"})
    limit = page_limit(query, 500)
    state = query.get("state")
    if state is not None and state not in STATES:
        raise errors.invalid(f"state must be one of {', '.join(STATES)}.")
    with call.state.lock:
        now = call.state.clock.now()
        kept = list(call.account.kept_activities(now).values())
        below = position or len(kept)
        numbers = [number for number in range(below - 1, -1, -1) if state in (None, kept[number].state(now))]
        page = [kept[number].as_json(now) for number in numbers[:limit]]
    more = numbers[limit] + 1 if len(numbers) > limit else None
    return JSONResponse({"activities": page, **next_link("/v3/activities", query, more)})


async def one_activity(call: Call) -> Response:
    """`GET /activities/{activity_id}`: 404 when it is unknown or older than ten days."""
    with call.state.lock:
        now = call.state.clock.now()
        activity = call.account.kept_activities(now).get(call.request.path_params["activity_id"])
        if activity is None:
            raise errors.not_found("activity_id was not found.")
        return JSONResponse(activity.as_json(now))
