"""The words of exports: import columns, schedules, what is wrong with a segment, what has just happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from babel.dates import format_datetime, get_day_names
from babel.lists import format_list

from admin.pages.languages import Language
from admin.pages.words import message
from exporters.contact_fields import ANNIVERSARY, BIRTHDAY, BIRTHDAY_DAY, BIRTHDAY_MONTH, EMAIL, PHONE
from exporters.problem_codes import ProblemCode
from shared.models import WEEKDAYS, Schedule
from shared.time_zones import zone

ATTRIBUTES: Mapping[str, str] = {
    EMAIL: message("Email"),
    "first_name": message("First name"),
    "last_name": message("Last name"),
    "job_title": message("Job title"),
    "company_name": message("Company"),
    PHONE: message("Phone"),
    "street": message("Street"),
    "street2": message("Street, second line"),
    "city": message("City"),
    "state": message("State or province"),
    "zip": message("Postal code"),
    "country": message("Country"),
    BIRTHDAY: message("Birthday (from a date)"),
    BIRTHDAY_MONTH: message("Birthday: month"),
    BIRTHDAY_DAY: message("Birthday: day"),
    ANNIVERSARY: message("Anniversary"),
}
"""Constant Contact's import columns, in the order in which they are offered."""

CUSTOM_PREFIX = "cf:"

RECURRENCES: Mapping[str, str] = {
    "every_refresh": message("With every refresh"),
    "daily": message("Daily"),
    "weekly": message("Weekly"),
}

RECURRENCE_HINTS: Mapping[str, str] = {
    "every_refresh": message("Whenever a new snapshot of one of its segments has arrived."),
    "daily": message("Every day at the times below."),
    "weekly": message("On the days and at the times below."),
}

OFF = message("Off")

SEGMENT_WARNINGS: Mapping[str, str] = {
    "stale": message("Not refreshed for a while"),
    "still_writing": message("Still being written"),
    "broken": message("Cannot be read"),
    "empty": message("Without profiles"),
    "too_large": message("More than 1,000,000 profiles"),
    "missing": message("No snapshot found"),
}

SEGMENT_PROBLEMS: Mapping[str, ProblemCode] = {
    "broken": "broken_snapshot",
    "empty": "empty_segment",
    "too_large": "too_many",
    "missing": "no_snapshot",
}
"""The section of the help page on a warning. The others are no problem: such a segment is exported all the same."""

SEGMENT_ICONS: Mapping[str, str] = {
    "stale": "warning",
    "still_writing": "info",
    "broken": "error",
    "empty": "warning",
    "too_large": "error",
    "missing": "error",
}

REASONS: Mapping[str, str] = {
    "email_missing": message("No e-mail address"),
    "email_too_long": message("E-mail address too long"),
    "email_malformed": message("E-mail address not written as name@domain"),
    "email_not_ascii": message("Letters before the @ that Constant Contact does not take"),
    "email_domain": message("After the @ stands no domain name"),
    "row_malformed": message("More or fewer cells than the segment has columns"),
}

HEADERS: Mapping[str, str] = {
    "auto": message("Find out"),
    "yes": message("Yes, column names"),
    "no": message("No, a profile"),
}

DELIMITERS: Mapping[str, str] = {
    "": message("Find out"),
    ",": message("Comma"),
    ";": message("Semicolon"),
    "tab": message("Tab"),
    "|": message("Vertical bar"),
}

NEEDS: Mapping[str, str] = {
    "name": message("a name"),
    "connection": message("a connection"),
    "list": message("a list"),
    "segments": message("a segment"),
    "email": message("the column of the e-mail address"),
}
"""What *Save* still waits for, as it goes on a list under “Save needs”."""

CHANGED_MEANWHILE = message(
    "Somebody else has changed this export meanwhile, and nothing was overwritten. Below is what you typed; save again "
    "to keep it instead of theirs."
)


def schedule_in_words(schedule: Schedule, spoken: Language) -> str:
    """“Monday and Thursday at 06:00”, “With every refresh”, “Off”; the time zone is not named."""
    if not schedule.active:
        return spoken.text(OFF)
    if schedule.recurrence == "every_refresh":
        return spoken.text(RECURRENCES[schedule.recurrence])
    times = format_list(list(schedule.times), locale=spoken.locale)
    if schedule.recurrence == "daily":
        return spoken.text("Daily at %(times)s") % {"times": times}
    named = format_list(short_days(schedule.days, spoken), locale=spoken.locale)
    return spoken.text("%(days)s at %(times)s") % {"days": named, "times": times}


def short_days(chosen: Sequence[str], spoken: Language) -> list[str]:
    """The short names of the days in the order of the week, as they stand in running text."""
    names = get_day_names("abbreviated", "format", spoken.locale)
    return [names[at] for at, one in enumerate(WEEKDAYS) if one in chosen]


def day_names(spoken: Language) -> dict[str, str]:
    """Every day by its code, as it stands alone."""
    names = get_day_names("wide", "stand-alone", spoken.locale)
    return {code: names[at][:1].upper() + names[at][1:] for at, code in enumerate(WEEKDAYS)}


def start_in_words(moment: datetime, time_zone: str, spoken: Language) -> str:
    """When a start is, in the zone of its schedule: “Monday 23 November, 06:00”."""
    return format_datetime(moment, "EEEE d MMMM, HH:mm", zone(time_zone), spoken.locale)


def attribute_label(column: str, custom: Mapping[str, str], spoken: Language) -> str:
    """What an import column is called; a custom field has the label that its account gives it."""
    if column in ATTRIBUTES:
        return spoken.text(ATTRIBUTES[column])
    return custom.get(column, column.removeprefix(CUSTOM_PREFIX).replace("_", " "))
