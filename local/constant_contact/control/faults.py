"""`/_simulator/faults`: what goes wrong next."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from local.constant_contact.faults import FAULTS, ArmedFault, UnknownFaultError
from local.constant_contact.state import State


class FaultBody(BaseModel):
    """A fault to arm; times null: until cleared."""

    model_config = ConfigDict(extra="forbid")

    name: str
    times: int | None = Field(default=None, ge=1)
    delay_seconds: float = Field(default=5.0, ge=0)
    match: str | None = None
    path: str | None = None


def fault_routes(state: State) -> APIRouter:
    """Arm, list and clear faults."""
    router = APIRouter(prefix="/_simulator/faults")

    @router.post("", status_code=201)
    async def arm(body: FaultBody) -> dict[str, Any]:
        try:
            fault = ArmedFault(**body.model_dump())
        except UnknownFaultError as error:
            raise HTTPException(400, str(error)) from error
        with state.lock:
            state.faults.arm(fault)
            return fault.as_json()

    @router.get("")
    async def show() -> dict[str, Any]:
        known = {name: f"{kind.description} ({kind.stage.value})" for name, kind in FAULTS.items()}
        with state.lock:
            return {"faults": [fault.as_json() for fault in state.faults.all()], "known": known}

    @router.delete("", status_code=204)
    async def clear() -> None:
        with state.lock:
            state.faults.clear()

    return router
