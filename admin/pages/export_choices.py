"""What the form of an export offers to choose from: connections, the account's lists and fields, segments, columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from admin import exports
from admin.pages.export_form import ExportForm
from admin.pages.export_words import ATTRIBUTES, CUSTOM_PREFIX, SEGMENT_PROBLEMS
from admin.problems import about
from exporters import account_data, matching, segments
from exporters.account_data import ListChoice
from exporters.contact_fields import BIRTHDAY, BIRTHDAY_DAY, BIRTHDAY_MONTH, EMAIL
from exporters.segments import Sample, SegmentFacts
from exporters.services import Services
from shared.errors import ExportError
from shared.models import Connection, Export
from shared.people import Person
from shared.snapshots import SnapshotError

MOST_SHOWN = 50
"""So many lists, and so many segments, are shown at once; the search finds the others."""

_EXCLUDE = {BIRTHDAY: {BIRTHDAY_MONTH, BIRTHDAY_DAY}, BIRTHDAY_MONTH: {BIRTHDAY}, BIRTHDAY_DAY: {BIRTHDAY}}

One = TypeVar("One")


@dataclass(frozen=True)
class Found:
    """What a search shows of many: what is chosen, and the first `MOST_SHOWN` of what was found."""

    shown: list[ListChoice]
    found: int
    total: int


@dataclass(frozen=True)
class FoundSegments:
    """The same for segments; those that are chosen and not there (any more) are shown as missing."""

    shown: list[SegmentFacts]
    found: int
    total: int

    @property
    def warned(self) -> list[str]:
        """The warnings of those shown that are a problem of a run, each once."""
        return list(dict.fromkeys(code for one in self.shown for code in one.warnings if code in SEGMENT_PROBLEMS))


@dataclass(frozen=True)
class Choices:
    """Everything that can be chosen, given what is chosen already.

    `lists` is None while they cannot be read, and `lists_problem` the English sentence that says why (`lists_about`:
    the section of the help page). `segments_problem` and `segments_about` are the same for the segments; of these only
    what is chosen is known then. `suggested` is import column → column. `custom` is import column → label of the
    account's own fields; `left` are the import columns that can still be added. `same` are other exports that send a
    chosen segment to the chosen list.
    """

    connections: list[Connection]
    connection: Connection | None
    lists: Found | None
    lists_problem: str | None
    lists_about: str
    segments: FoundSegments
    segments_problem: str | None
    segments_about: str
    sample: Sample
    suggested: dict[str, str]
    custom: dict[str, str]
    left: list[str]
    same: list[Export]


def choices(
    services: Services, person: Person, typed: ExportForm, export_id: str | None, *, fresh: bool = False
) -> Choices:
    """What can be chosen; `fresh` asks Constant Contact and the storage again instead of remembering."""
    connections = exports.allowed_connections(services, person)
    connection = next((one for one in connections if one.id == typed.connection_id), None)
    lists, problem, custom = _of_account(services, connection, typed, fresh=fresh)
    facts, unread = _of_storage(services, typed, fresh=fresh)
    sample = (
        segments.sample(services, typed.segments, typed.reading) if typed.segments and typed.reading else Sample((), ())
    )
    return Choices(
        connections=connections,
        connection=connection,
        lists=lists,
        lists_problem=str(problem) if problem else None,
        lists_about=about(problem) if problem else "",
        segments=_segments(facts, typed),
        segments_problem=str(unread) if unread else None,
        segments_about=about(unread) if unread else "",
        sample=sample,
        suggested=matching.suggest(sample.columns, sample.rows, custom) if sample.columns else {},
        custom={CUSTOM_PREFIX + one.name: one.label for one in custom},
        left=_left(typed, custom),
        same=exports.same_target(services, export_id, typed.list_id, typed.segments, typed.connection_id)
        if typed.list_id and typed.segments
        else [],
    )


def with_defaults(services: Services, person: Person, typed: ExportForm) -> ExportForm:
    """A new form with the connection chosen when there is only one."""
    connections = exports.allowed_connections(services, person)
    usable = [one for one in connections if one.state == "connected"]
    if typed.connection_id or len(usable) != 1:
        return typed
    return replace(typed, connection_id=usable[0].id)


def filled_in(typed: ExportForm, offered: Choices) -> ExportForm:
    """The form with what goes without saying: the suggested column of the e-mail address, and the list's name."""
    email = typed.matching.get(EMAIL, "") or offered.suggested.get(EMAIL, "")
    chosen = next((one for one in offered.lists.shown if one.id == typed.list_id), None) if offered.lists else None
    return replace(
        typed, matching={**typed.matching, EMAIL: email}, list_name=chosen.name if chosen else typed.list_name
    )


def _of_account(
    services: Services, connection: Connection | None, typed: ExportForm, *, fresh: bool
) -> tuple[Found | None, ExportError | None, tuple[account_data.CustomField, ...]]:
    if connection is None:
        return None, None, ()
    try:
        known = account_data.lists(services, connection, fresh=fresh)
        custom = account_data.custom_fields(services, connection, fresh=fresh)
    except ExportError as error:
        # The form still works: a list can be pasted, and attributes that are matched stay.
        return None, error, ()
    return _lists(known.lists, typed), None, custom


def _of_storage(
    services: Services, typed: ExportForm, *, fresh: bool
) -> tuple[Sequence[SegmentFacts], SnapshotError | None]:
    try:
        return segments.segment_facts(services, fresh=fresh), None
    except SnapshotError as error:
        # The form still works: what is chosen stays so, and nothing is known of it.
        return [SegmentFacts(name=name, path=name, chosen_as=name) for name in typed.segments], error


def _lists(lists: Sequence[ListChoice], typed: ExportForm) -> Found:
    # What is chosen stays in its place, so that choosing moves nothing; what would not be shown comes first.
    matching = [one for one in lists if one.id == typed.list_id or _has(one.name, typed.list_search)]
    shown = matching[:MOST_SHOWN]
    chosen = [one for one in matching[MOST_SHOWN:] if one.id == typed.list_id]
    return Found([*chosen, *shown], len(matching), len(lists))


def _segments(facts: Sequence[SegmentFacts], typed: ExportForm) -> FoundSegments:
    # What is chosen stays in its place among the others, so that ticking a box moves nothing.
    there = {one.chosen_as for one in facts}
    missing = [
        SegmentFacts(name=name, path=name, chosen_as=name, warnings=("missing",))
        for name in typed.segments
        if name not in there
    ]
    found = [one for one in facts if one.chosen_as in typed.segments or _has(one.name, typed.segment_search)]
    shown, more = [], 0
    for one in found:
        chosen = one.chosen_as in typed.segments
        more += not chosen
        if chosen or more <= MOST_SHOWN:
            shown.append(one)
    return FoundSegments([*missing, *shown], len(missing) + len(found), len(missing) + len(facts))


def _left(typed: ExportForm, custom: Sequence[account_data.CustomField]) -> list[str]:
    known = [*ATTRIBUTES, *(CUSTOM_PREFIX + one.name for one in custom)]
    excluded = {other for column in typed.matching for other in _EXCLUDE.get(column, ())}
    return [column for column in known if column not in typed.matching and column not in excluded]


def _has(name: str, search: str) -> bool:
    return all(word in name.casefold() for word in search.casefold().split())
