import pytest

from local.constant_contact.import_rows import CSV_LIMITS, JSON_LIMITS, Refusal, Row, RowRules

RULES = RowRules(JSON_LIMITS, email_max_length=80, consent_date_required=False)


def refusal_of(**values: str) -> Refusal:
    checked = RULES.check(2, {"email": "ada@example.com", **values})
    assert isinstance(checked, Refusal)
    return checked


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "Ada.Lovelace+news@mail.example.co",
        "o'neil@example.com",
        "a@xn--bcher-kva.example",
        "1_2-3@1.example.org",
        "x" * 64 + "@example.com",
    ],
)
def test_a_well_formed_address_is_taken(email: str) -> None:
    checked = RULES.check(2, {"email": email})
    assert isinstance(checked, Row)
    assert (checked.email, checked.key) == (email, email.lower())


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@@example.com",
        "ada@example..com",
        "ada.@example.com",
        ".ada@example.com",
        "a..da@example.com",
        "ada lovelace@example.com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@example.c",
        "ada@example.123",
        "ada@example.com.",
        "ada@example.com\nbcc@example.com",
        "ada@bücher.example",
        "ädá@example.com",
        "ada,bob@example.com",
        '"ada"@example.com',
        "Ada <ada@example.com>",
        "x" * 65 + "@example.com",
    ],
)
def test_a_malformed_address_is_a_correctable_error(email: str) -> None:
    checked = RULES.check(355, {"email": email})
    assert checked == Refusal(355, "Invalid email", correctable=True)
    assert str(checked) == "Line 355: Invalid email"


def test_a_row_without_an_address_is_a_correctable_error() -> None:
    assert RULES.check(2, {"email": "  ", "first_name": "Ada"}) == Refusal(2, "Missing email", correctable=True)


@pytest.mark.parametrize(("max_length", "taken"), [(50, False), (80, True)])
def test_the_longest_address_is_a_setting(max_length: int, taken: bool) -> None:
    rules = RowRules(CSV_LIMITS, max_length, consent_date_required=False)
    checked = rules.check(2, {"email": "x" * 40 + "@customers.example.com"})
    assert isinstance(checked, Row) is taken


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("first_name", 50),
        ("last_name", 50),
        ("job_title", 50),
        ("company_name", 50),
        ("phone", 50),
        ("work_phone", 50),
        ("street", 255),
        ("home_street2", 255),
        ("other_city", 50),
        ("cf:level", 255),
        ("sms_consent_date", 16),
    ],
)
def test_a_value_over_the_documented_length_refuses_the_row(name: str, limit: int) -> None:
    assert isinstance(RULES.check(2, {"email": "ada@example.com", name: "x" * limit}), Row)
    assert refusal_of(**{name: "x" * (limit + 1)}) == Refusal(
        2, f"{name} is longer than {limit} characters", correctable=False
    )


def test_blank_values_count_as_absent() -> None:
    checked = RULES.check(2, {"email": " ada@example.com ", "first_name": " ", "last_name": "", "city": ""})
    assert isinstance(checked, Row)
    assert (checked.email, checked.first_name, checked.last_name, checked.fields) == (
        "ada@example.com",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "values",
    [
        {"birthday_month": "12"},
        {"birthday_day": "31"},
        {"birthday_month": "13", "birthday_day": "1"},
        {"birthday_month": "1", "birthday_day": "32"},
        {"anniversary": "31/12/2020"},
        {"anniversary": "yesterday"},
    ],
)
def test_a_wrong_birthday_or_anniversary_is_a_correctable_error(values: dict[str, str]) -> None:
    assert refusal_of(**values).correctable


@pytest.mark.parametrize(
    "date", ["12/31/2020", "1/2/2020", "2020/12/31", "2020/1/2", "2020-12-31", "2020-1-2", "1-12-2020"]
)
def test_every_documented_form_of_an_anniversary_is_taken(date: str) -> None:
    assert isinstance(RULES.check(2, {"email": "ada@example.com", "anniversary": date}), Row)


def test_a_text_message_number_must_be_one_of_the_us() -> None:
    assert isinstance(RULES.check(2, {"email": "ada@example.com", "sms_number": "123-123-1234"}), Row)
    assert not refusal_of(sms_number="+44 20 7946 09").correctable


def test_explicit_consent_to_text_messages_needs_its_date() -> None:
    rules = RowRules(CSV_LIMITS, 80, consent_date_required=True)
    assert isinstance(rules.check(2, {"email": "ada@example.com", "sms_number": "1231231234"}), Refusal)
