"""HTTP functions, one for each behaviour of the host."""

import json
import logging
import os
import time

import azure.functions as func

app = func.FunctionApp()
logger = logging.getLogger(__name__)
ANYONE = func.AuthLevel.ANONYMOUS


@app.route(route="echo/{kind}/{*rest}", auth_level=ANYONE)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(auth_level=ANYONE)
def no_route(req: func.HttpRequest) -> str:
    return "default route"


@app.route(route="things/{id:int}", methods=["GET"], auth_level=ANYONE)
def a_thing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"thing {req.route_params['id']}")


@app.route(route="things/{name}", methods=["GET"], auth_level=ANYONE)
def b_named(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"named {req.route_params['name']}")


@app.route(route="keyed", auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(route="other-keyed", auth_level=func.AuthLevel.FUNCTION)
def other_keyed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(route="master-only", auth_level=func.AuthLevel.ADMIN)
def master_only(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(route="off", auth_level=ANYONE)
def switched_off(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("on after all")


@app.route(route="fails", auth_level=ANYONE)
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise LookupError("the reason")


@app.route(route="cookies", auth_level=ANYONE)
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(b"\x00\xff", status_code=201, mimetype="application/octet-stream")
    response.headers.add("Set-Cookie", "a=1; Path=/x; Secure; HttpOnly; SameSite=Lax; Max-Age=60")
    response.headers.add("Set-Cookie", 'b="two words"')
    response.headers["X-Own"] = "yes"
    return response


@app.route(route="settings", auth_level=ANYONE)
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"{os.environ['FROM_FILE']} {os.environ['FROM_BOTH']}")


@app.route(route="block", auth_level=ANYONE)
async def block(req: func.HttpRequest) -> func.HttpResponse:
    logger.info("blocking the loop")
    time.sleep(20)
    return func.HttpResponse("blocked")
