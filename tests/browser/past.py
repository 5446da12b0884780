"""A past for the pictures: lists with names, people who started runs, runs that took time, and a month of them."""

from __future__ import annotations

import os
from datetime import timedelta

from admin.records import RunRecord
from exporters.history import RunSummary
from exporters.runs import Counts, Run, new_run_id
from exporters.services import Services, connect
from exporters.start import BY_EVENT
from local.stand import Stand
from shared.models import Export
from shared.settings import load_settings
from shared.tables import Key

_DAYS = 29
_WEEK = (0.9, 1.0, 0.8, 1.1, 1.2, 0.3, 0.2)
_A_DAY = 8_400


def services_of(stand: Stand) -> Services:
    """The app's own services, with the stand's settings."""
    return connect(load_settings({**os.environ, **stand.settings}))


def name_list(stand: Stand, export: Export) -> Export:
    """As the form keeps the name of the list that is chosen there."""
    name = {"list_name": stand.account.list_name}
    return services_of(stand).exports.change(export.id, lambda one: one.model_copy(update=name)).value


def begin_as(stand: Stand, run: RunRecord, person: str) -> None:
    """The run that is under way, as if this person had started it."""
    services = services_of(stand)
    by = {"started_by": person}
    services.runs.change(services.runs.get(run.export_id, run.run_id), lambda one: one.model_copy(update=by))


def as_begun_by(stand: Stand, run: RunRecord, person: str, *, minutes_ago: float, took: timedelta) -> None:
    """The run that has ended, as if this person had started it a while ago, and it had taken so long."""
    services = services_of(stand)
    ended = services.runs.get(run.export_id, run.run_id)
    began = ended.created_at - timedelta(minutes=minutes_ago)
    update = {"started_by": person, "created_at": began, "ended_at": began + took}
    stages = {"started_at": 0.01, "prepared_at": 0.3, "uploaded_at": 0.7}
    update |= {name: began + took * part for name, part in stages.items() if getattr(ended, name)}
    batches = [stored.value for stored in services.runs.batches(run.run_id)]
    services.history.remove(_entry(services, ended))
    _keep(services, ended.model_copy(update=update))
    for batch in batches:
        services.runs.add_batch(batch)


def add_month(stand: Stand, run: RunRecord) -> None:
    """Before this run, one a day that a new snapshot started, fewer at weekends."""
    services = services_of(stand)
    last = services.runs.get(run.export_id, run.run_id)
    for ago in range(1, _DAYS + 1):
        began = services.now() - timedelta(days=ago, minutes=7 * ago % 50)
        sent = round(_A_DAY * _WEEK[began.weekday()] * (1 - ago / 120)) + 37 * ago % 101
        counts = Counts(read=sent + 12, sent=sent, duplicates=9, rejected=3, rejected_by_us=3, prepared=sent)
        began_by = {"run_id": new_run_id(began), "created_at": began, "trigger": "event", "started_by": BY_EVENT}
        times = {name: began + timedelta(seconds=at) for name, at in _STAGES.items()}
        _keep(
            services, last.model_copy(update=began_by | times | {"counts": counts, "status": "completed_with_warnings"})
        )
    # Days that were counted before they had any runs are to be counted anew.
    for day in list(services.history._totals.partition("days")):
        services.history._totals.remove(Key("days", day.value.day.isoformat()), day.etag)


_STAGES = {"started_at": 1, "prepared_at": 48, "uploaded_at": 95, "ended_at": 187}


def _entry(services: Services, run: Run) -> RunSummary:
    return next(one for one in services.history.page(limit=100).runs if one.run_id == run.run_id)


def _keep(services: Services, run: Run) -> None:
    services.runs.add_ended(run, services.runs.slot(run.export_id))
    services.history.note(run)
