"""`/account`: which account is connected, and what the user who connected it may do."""

from starlette.responses import JSONResponse, Response

from local.constant_contact.v3.gateway import Call


async def summary(call: Call) -> Response:
    """`GET /account/summary`; encoded_account_id is the account's stable key."""
    account = call.account
    return JSONResponse(
        {
            "encoded_account_id": account.account_id,
            "organization_name": account.organization_name,
            "contact_email": account.contact_email,
            "first_name": "Local",
            "last_name": "Owner",
            "country_code": "US",
            "state_code": "MA",
            "time_zone_id": "US/Eastern",
            "website": "https://www.example.com",
        }
    )


async def privileges(call: Call) -> Response:
    """`GET /account/user/privileges`; needs no scope."""
    allowed = call.grant.user.privileges
    return JSONResponse(
        [{"privilege_id": number, "privilege_name": privilege.value} for number, privilege in enumerate(allowed, 1)]
    )
