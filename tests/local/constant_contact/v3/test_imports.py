import requests

from local.constant_contact.configuration import Configuration
from local.constant_contact.import_files import CsvPayload, JsonPayload
from local.constant_contact.server import Simulator, running_simulator
from local.constant_contact.state import LOCAL_ACCOUNT_ID, LOCAL_LIST_ID
from tests.local.constant_contact.client import Client, client_of

IMPORT = "/v3/activities/contacts_file_import"
JSON_IMPORT = "/v3/activities/contacts_json_import"
UNKNOWN_LIST = "06526938-56dd-11e9-932a-fa163ea075fa"


def error_of(response: requests.Response) -> tuple[int, str]:
    """Status and key of an answer in the form of the service: an array."""
    return response.status_code, response.json()[0]["error_key"]


def test_an_import_is_answered_201_with_an_activity_that_has_not_begun(client: Client) -> None:
    client.post_csv("email\nfirst@example.com\n")
    response = client.post_csv("email\nada@example.com\n", "run-7.csv")
    activity = response.json()
    assert response.status_code == 201
    assert activity["state"] in ("initialized", "processing")
    assert activity["percent_done"] >= 1
    assert activity["source_file_name"] == "run-7.csv"
    assert activity["activity_errors"] == []
    assert activity["_links"] == {"self": {"href": f"/v3/activities/{activity['activity_id']}"}}


def test_a_completed_import_tells_its_counts_with_the_header_in_the_total(client: Client) -> None:
    activity = client.import_rows("ada@example.com,Ada,Lovelace", "wrong,No,Address", f"long@example.com,{'x' * 51},L")
    assert activity["state"] == "completed"
    assert activity["percent_done"] == 100
    assert activity["completed_at"] >= activity["started_at"] >= activity["created_at"]
    assert activity["status"] == {
        "items_total_count": 4,
        "person_count": 1,
        "error_count": 1,
        "correctable_count": 1,
        "cannot_add_to_list_count": 0,
    }
    assert activity["activity_errors"] == ["Line 3: Invalid email", "Line 4: first_name is longer than 50 characters"]


def test_new_contacts_get_implicit_permission_and_join_the_list(client: Client) -> None:
    client.import_rows("Ada@example.com,Ada,Lovelace")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["email_address"]["address"] == "Ada@example.com"
    assert contact["email_address"]["permission_to_send"] == "implicit"
    assert contact["list_memberships"] == [LOCAL_LIST_ID]
    assert client.members() == [f"Ada@example.com,Ada,Lovelace,{LOCAL_LIST_ID}"]


def test_contacts_appear_only_when_the_import_was_processed() -> None:
    with running_simulator(Configuration(rows_per_second=0.01)) as simulator:
        client = client_of(simulator)
        activity_id = client.post_csv("email\nada@example.com\n").json()["activity_id"]
        client.simulator.state.advance_clock(50)
        processing = client.get(f"/v3/activities/{activity_id}").json()
        assert processing["state"] == "processing"
        assert 50 <= processing["percent_done"] <= 55
        assert client.contact("ada@example.com") is None
        client.simulator.state.advance_clock(50)
        assert client.ended(activity_id)["state"] == "completed"
        assert client.contact("ada@example.com") is not None


def test_addresses_are_matched_without_regard_to_case_and_blank_values_change_nothing(client: Client) -> None:
    client.import_rows("ada@example.com,Ada,Lovelace")
    client.import_rows("ADA@EXAMPLE.COM,,Byron")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert (contact["first_name"], contact["last_name"]) == ("Ada", "Byron")
    assert len(client.members()) == 1


def test_a_permission_is_never_changed_by_an_import(client: Client) -> None:
    client.control("POST", "contacts", {"contacts": [{"email": "ada@example.com", "permission": "explicit"}]})
    client.import_rows("ada@example.com,,")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["email_address"]["permission_to_send"] == "explicit"


def test_an_unsubscribed_contact_is_updated_and_counted_but_not_added_to_the_list(client: Client) -> None:
    client.control("POST", "contacts", {"contacts": [{"email": "ada@example.com", "permission": "unsubscribed"}]})
    activity = client.import_rows("ada@example.com,Ada,", "bob@example.com,,")
    assert activity["status"]["cannot_add_to_list_count"] == 1
    assert activity["status"]["person_count"] == 2
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["email_address"]["permission_to_send"] == "unsubscribed"
    assert contact["first_name"] == "Ada"
    assert contact["list_memberships"] == []
    assert len(client.members()) == 1


def test_a_contact_who_left_only_the_list_is_put_back_on_it(client: Client) -> None:
    client.control("POST", "contacts", {"contacts": [{"email": "ada@example.com", "left_list_ids": [LOCAL_LIST_ID]}]})
    assert client.members() == []
    activity = client.import_rows("ada@example.com,,")
    assert activity["status"]["cannot_add_to_list_count"] == 0
    assert len(client.members()) == 1
    contacts = client.simulator.state.accounts[LOCAL_ACCOUNT_ID].contacts
    assert contacts.by_email["ada@example.com"].left_list_ids == ()


def test_a_deleted_contact_comes_back(client: Client) -> None:
    client.control("POST", "contacts", {"contacts": [{"email": "ada@example.com", "deleted": True}]})
    assert client.get("/v3/contacts").json()["contacts"] == []
    client.import_rows("ada@example.com,,")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert "deleted_at" not in contact
    assert len(client.members()) == 1


def test_equal_addresses_in_a_payload_collapse_and_the_first_wins(client: Client) -> None:
    activity = client.import_rows("ada@example.com,First,", "ADA@example.com,Second,")
    assert activity["status"]["items_total_count"] == 3
    assert activity["status"]["person_count"] == 1
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["first_name"] == "First"


def test_the_last_of_equal_addresses_wins_when_so_configured() -> None:
    with running_simulator(Configuration(duplicate_row_that_wins="last")) as simulator:
        client = client_of(simulator)
        client.import_rows("ada@example.com,First,", "ADA@example.com,Second,")
        contact = client.contact("ada@example.com")
        assert contact is not None
        assert contact["first_name"] == "Second"


def test_fewer_errors_are_listed_than_counted() -> None:
    with running_simulator(Configuration(listed_activity_errors=2)) as simulator:
        activity = client_of(simulator).import_rows("a,,", "b,,", "c,,")
        assert activity["status"]["correctable_count"] == 3
        assert activity["activity_errors"] == ["Line 2: Invalid email", "Line 3: Invalid email"]


def test_rows_beyond_39999_are_silently_dropped(client: Client) -> None:
    rows = "".join(f"p{number}@example.com\n" for number in range(40_001))
    activity = client.import_csv("email\n" + rows)
    assert activity["status"]["items_total_count"] == 40_000
    assert activity["status"]["person_count"] == 39_999
    assert activity["status"]["error_count"] == 0
    assert activity["activity_errors"] == []


def test_bytes_beyond_4000000_are_silently_dropped_with_the_row_they_cut() -> None:
    row = b"x" * 199 + b"\n"
    content = b"email\n" + row * 20_001
    assert len(list(CsvPayload(content).rows())) == (4_000_000 - 6) // 200


def test_a_file_of_exactly_4000000_bytes_is_read_to_its_end() -> None:
    content = b"email\n" + b"x" * 193 + b"\n" + b"y" * 199 + b"\n" + (b"z" * 199 + b"\n") * 19_998
    assert len(content) == 4_000_000
    assert len(list(CsvPayload(content).rows())) == 20_000


def test_json_rows_beyond_the_limits_are_dropped_as_well() -> None:
    data: list[dict[str, str | int]] = [{"email": f"p{number}@example.com"} for number in range(40_001)]
    assert len(list(JsonPayload(data, 1_000_000).rows())) == 39_999
    large: list[dict[str, str | int]] = [{"email": "x" * 986} for _ in range(5_000)]
    assert len(list(JsonPayload(large, 5_000_000).rows())) == 4_000


def test_csv_is_read_with_quotes_line_breaks_in_values_bom_and_crlf(client: Client) -> None:
    content = (
        '\ufeffemail,first_name\r\nada@example.com,"Ada ""Countess"",\r\nof Lovelace"\r\n\r\nbob@example.com,Bob\r\n'
    )
    activity = client.import_csv(content.encode())
    assert activity["status"]["items_total_count"] == 3
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["first_name"] == 'Ada "Countess",\r\nof Lovelace'


def test_a_file_whose_quotes_never_close_fails(client: Client) -> None:
    content = 'email,first_name\nada@example.com,"' + "x" * 2_000_000
    activity = client.import_csv(content)
    assert activity["state"] == "failed"
    assert "not valid CSV" in activity["activity_errors"][0]


def test_a_file_that_is_not_csv_by_name_is_answered_415(client: Client) -> None:
    assert client.post_csv("email\nada@example.com\n", "contacts.txt").status_code == 415


def test_an_import_that_is_no_multipart_form_is_answered_415(client: Client) -> None:
    assert client.call("POST", IMPORT, data="email\nada@example.com\n").status_code == 415


def test_a_broken_multipart_form_is_answered_400(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.access_token}", "Content-Type": "multipart/form-data"}
    response = requests.post(client.simulator.url + IMPORT, data=b"nothing", headers=headers, timeout=10)
    assert error_of(response) == (400, "contacts.api.validation.error")


def test_a_form_without_a_file_or_without_lists_is_answered_400(client: Client) -> None:
    without_file = client.call("POST", IMPORT, files={"list_ids": (None, LOCAL_LIST_ID)})
    without_lists = client.call("POST", IMPORT, files={"file": ("a.csv", "email\n", "text/csv")})
    assert error_of(without_file) == error_of(without_lists) == (400, "contacts.api.validation.error")


def test_lists_are_one_comma_separated_string(client: Client) -> None:
    other = client.post("/v3/contact_lists", {"name": "Other"}).json()["list_id"]
    client.import_csv("email\nada@example.com\n", list_ids=f"{LOCAL_LIST_ID},{other}")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["list_memberships"] == [LOCAL_LIST_ID, other]


def test_a_list_that_does_not_exist_is_answered_404(client: Client) -> None:
    response = client.post_csv("email\nada@example.com\n", list_ids=UNKNOWN_LIST)
    assert error_of(response) == (404, "contacts.api.not_found")


def test_a_list_that_does_not_exist_is_answered_400_when_so_configured() -> None:
    with running_simulator(Configuration(unknown_list_status=400)) as simulator:
        response = client_of(simulator).post_csv("email\nada@example.com\n", list_ids=UNKNOWN_LIST)
        assert error_of(response) == (400, "contacts.api.validation.error")


def test_more_than_50_lists_or_a_malformed_id_are_answered_400(client: Client) -> None:
    for list_ids in (",".join([LOCAL_LIST_ID] * 51), "newsletter", ""):
        response = client.post_csv("email\nada@example.com\n", list_ids=list_ids)
        assert error_of(response) == (400, "contacts.api.validation.error")


def test_a_contact_joins_at_most_50_lists(client: Client) -> None:
    created = [client.post("/v3/contact_lists", {"name": f"L{number}"}).json()["list_id"] for number in range(50)]
    assert client.import_csv("email\nada@example.com\n", list_ids=",".join(created))["status"]["person_count"] == 1
    activity = client.import_csv("email\nada@example.com\n", list_ids=LOCAL_LIST_ID)
    assert activity["status"]["cannot_add_to_list_count"] == 1
    assert client.members() == []


def test_an_unknown_column_is_answered_400(client: Client) -> None:
    for heading in ("cf:level", "shoe_size", "home_city", "Email"):
        response = client.post_csv(f"email,{heading}\nada@example.com,x\n")
        assert error_of(response) == (400, "contacts.api.validation.error")
        assert heading in response.text


def test_an_unknown_column_is_passed_over_when_so_configured() -> None:
    with running_simulator(Configuration(unknown_headings="ignore")) as simulator:
        activity = client_of(simulator).import_csv("email,cf:level\nada@example.com,gold\n")
        assert activity["status"]["person_count"] == 1


def test_a_file_without_an_address_column_or_with_one_twice_is_answered_400(client: Client) -> None:
    for headings in ("first_name", "email,email", ""):
        response = client.post_csv(f"{headings}\nx\n")
        assert error_of(response) == (400, "contacts.api.validation.error")


def test_custom_fields_are_stored_by_their_name(client: Client) -> None:
    custom_field = client.post("/v3/contact_custom_fields", {"label": "Member level", "type": "string"}).json()
    client.import_csv("email,cf:Member_level\nada@example.com,gold\n")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["custom_fields"] == [{"custom_field_id": custom_field["custom_field_id"], "value": "gold"}]


def test_more_than_25_custom_fields_are_answered_400(client: Client) -> None:
    headings = ",".join(f"cf:f{number}" for number in range(26))
    response = client.post_csv(f"email,{headings}\n")
    assert "more than 25 custom fields" in response.text


def test_phones_and_addresses_come_back_with_their_kinds(client: Client) -> None:
    client.import_csv("email,phone,street,street2,city\nada@example.com,555,12 High St,Flat 3,Boston\n")
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert contact["phone_numbers"] == [{"phone_number": "555", "kind": "other"}]
    assert contact["street_addresses"] == [{"kind": "home", "street": "12 High St, Flat 3", "city": "Boston"}]


def test_a_json_import_counts_and_numbers_lines_as_if_it_had_a_header(client: Client) -> None:
    body = {
        "import_data": [
            {"email": "ada@example.com", "birthday_month": 12, "birthday_day": 10, "home_city": "London"},
            {"email": "wrong"},
        ],
        "list_ids": [LOCAL_LIST_ID],
    }
    response = client.post(JSON_IMPORT, body)
    assert response.status_code == 201
    activity = client.ended(response.json()["activity_id"])
    assert activity["status"]["items_total_count"] == 3
    assert activity["activity_errors"] == ["Line 3: Invalid email"]
    contact = client.contact("ada@example.com")
    assert contact is not None
    assert (contact["birthday_month"], contact["birthday_day"]) == (12, 10)


def test_a_malformed_or_incomplete_json_import_is_answered_400(client: Client) -> None:
    for body in ("{", "[]", '{"import_data": []}', '{"import_data": [{"email": null}], "list_ids": ["x"]}'):
        headers = {"Authorization": f"Bearer {client.access_token}", "Content-Type": "application/json"}
        client.simulator.state.advance_clock(1)
        response = requests.post(client.simulator.url + JSON_IMPORT, data=body, headers=headers, timeout=10)
        assert error_of(response) == (400, "contacts.api.validation.error")


def test_a_json_import_sent_as_text_is_answered_415(client: Client) -> None:
    assert client.call("POST", JSON_IMPORT, data="{}").status_code == 415


def test_the_1001st_queued_activity_of_an_account_is_answered_429() -> None:
    with running_simulator(Configuration(queued_activities=2, rows_per_second=0.001)) as simulator:
        client = client_of(simulator)
        assert Configuration().queued_activities == 1_000
        statuses = [client.post_csv("email\nada@example.com\n").status_code for _ in range(3)]
        assert statuses == [201, 201, 429]


def test_imports_of_one_account_run_one_after_the_other() -> None:
    with running_simulator(Configuration(rows_per_second=0.01)) as simulator:
        client = client_of(simulator)
        first, second = (client.post_csv("email\nada@example.com\n").json()["activity_id"] for _ in range(2))
        states = [client.get(f"/v3/activities/{activity_id}").json()["state"] for activity_id in (first, second)]
        assert states == ["processing", "initialized"]


def test_imports_of_one_account_run_together_when_so_configured() -> None:
    with running_simulator(Configuration(rows_per_second=0.01, activities_in_parallel=True)) as simulator:
        client = client_of(simulator)
        ids = [client.post_csv("email\nada@example.com\n").json()["activity_id"] for _ in range(2)]
        states = [client.get(f"/v3/activities/{activity_id}").json()["state"] for activity_id in ids]
        assert states == ["processing", "processing"]


def test_accounts_are_kept_apart(simulator: Simulator, client: Client) -> None:
    account = {
        "account_id": "other",
        "organization_name": "Other",
        "users": [{"user_id": "other-owner", "email": "owner@example.net"}],
        "lists": [{"name": "Newsletter"}],
    }
    created = client.control("POST", "accounts", account).json()
    other = client_of(simulator, user_id="other-owner")
    other.import_csv("email\nada@example.com\n", list_ids=created["lists"][0]["list_id"])
    assert other.contact("ada@example.com") is not None
    assert client.contact("ada@example.com") is None
    assert other.post_csv("email\n", list_ids=LOCAL_LIST_ID).status_code == 404
    assert other.get("/v3/account/summary").json()["encoded_account_id"] == "other"
