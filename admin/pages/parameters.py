"""What routes of pages take: somebody with at least a role, the texts of a form, what a list is asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Query

from admin.access import administrator, contributor, viewer
from shared.people import Person

Viewer = Annotated[Person, Depends(viewer)]
Contributor = Annotated[Person, Depends(contributor)]
Administrator = Annotated[Person, Depends(administrator)]

Text = Annotated[str, Form(max_length=200)]

Search = Annotated[str, Query(max_length=100)]
Selected = Annotated[str, Query(max_length=64)]
"""The id of the row that is selected."""
