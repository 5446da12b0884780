"""What somebody finds at first sight: what needs a person, what failed, what is under way, what has been exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from admin.export_rules import may_know
from exporters.constant_contact.limits import API
from exporters.history import RunSummary
from exporters.runs import GOOD
from exporters.services import Services
from shared.models import Connection, Export
from shared.people import Person

DAYS = 30


@dataclass(frozen=True)
class Home:
    """What there is to see for a person.

    `to_sign_in` are connections that wait for a sign-in, of those that the person may know. `failed` are the last runs
    of exports whose last run failed, `under_way` those that have not ended, the newest first. `by_day` are the profiles
    sent on each of the last days (UTC). `connections` and `exports` are all that there are; `has_run` is whether any
    export ever went through.
    """

    to_sign_in: list[Connection]
    failed: list[RunSummary]
    under_way: list[RunSummary]
    calls_left: int
    calls_a_day: int
    by_day: list[tuple[date, int]]
    connections: list[Connection]
    exports: dict[str, Export]
    has_run: bool


def home(services: Services, person: Person) -> Home:
    """What there is to see now."""
    connections = services.connections.all()
    exports = {one.id: one for one in services.exports.all()}
    last = services.history.latest()
    newest = sorted(last.values(), key=lambda one: one.created_at, reverse=True)
    return Home(
        to_sign_in=[one for one in connections if one.state != "connected" and may_know(person, one)],
        failed=[one for one in newest if one.export_id in exports and one.status in ("failed", "timed_out")],
        under_way=[one for one in newest if not one.ended],
        calls_left=services.limiter.left_today(API),
        calls_a_day=API.a_day or 0,
        by_day=services.history.exported_by_day(DAYS, services.now()),
        connections=connections,
        exports=exports,
        has_run=any(one.status in GOOD for one in newest) or bool(services.history.page(statuses=GOOD, limit=1).runs),
    )
