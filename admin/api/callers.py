"""Who may call an operation, for its parameters."""

from typing import Annotated

from fastapi import Depends

from admin.access import caller, calling_contributor, calling_viewer
from shared.people import Person

Caller = Annotated[Person, Depends(caller)]
Viewer = Annotated[Person, Depends(calling_viewer)]
Contributor = Annotated[Person, Depends(calling_contributor)]
