"""What an app may declare, and what is refused with the function named."""

from __future__ import annotations

import azure.functions as func
import pytest

from local.host.errors import AppInvalid, SettingMissing
from local.host.functions import (
    AuthLevel,
    BlobTrigger,
    Function,
    HttpTrigger,
    QueueTrigger,
    TimerTrigger,
    read_functions,
)
from local.host.wire import RpcFunctionMetadata, RpcRetryOptions


def described(app: func.FunctionApp, retry: RpcRetryOptions | None = None) -> list[Function]:
    """The functions of an app as the host reads them from the SDK's own bindings."""
    return read_functions(
        [
            RpcFunctionMetadata(
                name=function.get_function_name() or "",
                function_id="",
                managed_dependency_enabled=False,
                directory="",
                script_file="function_app.py",
                entry_point="",
                is_proxy=False,
                language="python",
                bindings={},
                raw_bindings=function.get_raw_bindings(),
                retry_options=retry,
                properties={},
            )
            for function in app.get_functions()
        ]
    )


def with_timer(schedule: str) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule=schedule)
    def nightly(timer: func.TimerRequest) -> None: ...

    return app


def with_routes(*routes: str, methods: tuple[str, ...] = ()) -> func.FunctionApp:
    app = func.FunctionApp()
    for index, route in enumerate(routes):

        @app.function_name(f"page{index}")
        @app.route(route=route, methods=methods or None)
        def page(req: func.HttpRequest) -> func.HttpResponse: ...  # type: ignore[empty-body]

    return app


def with_queue(queue: str) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="msg", queue_name=queue, connection="ELSEWHERE")
    def reads(msg: func.QueueMessage) -> None: ...

    return app


def with_blob(source: str) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.blob_trigger(arg_name="blob", path="%SNAPSHOTS%/{name}", connection="ELSEWHERE", source=source)  # type: ignore[arg-type]
    def arrived(blob: func.InputStream) -> None: ...

    return app


def test_functions_come_in_alphabetical_order_of_their_names_without_case() -> None:
    app = func.FunctionApp()
    for name in ("zebra", "Yak", "aardvark"):

        @app.function_name(name)
        @app.route(route=name)
        def page(req: func.HttpRequest) -> func.HttpResponse: ...  # type: ignore[empty-body]

    assert [function.name for function in described(app)] == ["aardvark", "Yak", "zebra"]


def test_an_http_function_needs_a_function_key_and_takes_every_method_unless_it_says_otherwise() -> None:
    trigger = described(with_routes("x"))[0].trigger

    assert isinstance(trigger, HttpTrigger)
    assert (trigger.level, trigger.methods) == (AuthLevel.FUNCTION, None)


def test_settings_stand_for_names_in_queues_paths_and_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOTS", "segments")
    monkeypatch.setenv("SCHEDULE", "0 0 3 * * *")

    assert described(with_queue("%SNAPSHOTS%"))[0].trigger == QueueTrigger("segments", "ELSEWHERE")
    assert described(with_blob("EventGrid"))[0].trigger == BlobTrigger("segments/{name}", "ELSEWHERE", sdk_type=False)
    timer = described(with_timer("%SCHEDULE%"))[0].trigger
    assert isinstance(timer, TimerTrigger)
    assert (timer.schedule.cron, timer.use_monitor, timer.run_on_startup) == ("0 0 3 * * *", True, False)


def test_a_setting_that_nobody_set_is_named_with_its_function() -> None:
    with pytest.raises(SettingMissing, match="Function nightly uses %REFRESH%, but there is no setting REFRESH"):
        described(with_timer("%REFRESH%"))


def test_a_malformed_schedule_is_named() -> None:
    with pytest.raises(SettingMissing, match=r"Function nightly has the schedule '0 0 0 \* \* 7'"):
        described(with_timer("0 0 0 * * 7"))


def test_a_timer_that_fires_more_than_once_a_minute_keeps_no_status() -> None:
    timer = described(with_timer("*/5 * * * * *"))[0].trigger

    assert isinstance(timer, TimerTrigger)
    assert not timer.use_monitor


def test_a_binding_that_the_host_does_not_offer_is_named() -> None:
    app = func.FunctionApp()

    @app.route(route="x")
    @app.queue_output(arg_name="out", queue_name="some-queue", connection="ELSEWHERE")
    def sends(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse: ...  # type: ignore[empty-body]

    with pytest.raises(AppInvalid, match="Function sends declares queue, which this host does not offer"):
        described(app)


def test_a_retry_policy_is_refused() -> None:
    with pytest.raises(AppInvalid, match="Function nightly declares a retry policy"):
        described(with_timer("0 0 3 * * *"), RpcRetryOptions(max_retry_count=3, retry_strategy="fixed_delay"))


def test_a_blob_trigger_that_scans_its_container_is_refused() -> None:
    with pytest.raises(AppInvalid, match="Function arrived has a blob trigger that scans"):
        described(with_blob("LogsAndContainerScan"))


@pytest.mark.parametrize("route", ["admin/x", "Runtime", "administration"])
def test_a_route_in_the_host_s_own_space_is_refused(route: str) -> None:
    with pytest.raises(AppInvalid, match=f"Function page0 has the route '{route}'"):
        described(with_routes(route))


def test_two_functions_with_one_route_and_a_method_in_common_are_refused() -> None:
    with pytest.raises(AppInvalid, match="Functions page0 and page1 have one route, 'Same'"):
        described(with_routes("same", "Same", methods=("GET",)))


@pytest.mark.parametrize("queue", ["Capitals", "ab", "two--dashes", "under_score"])
def test_a_name_that_no_queue_can_have_is_refused(queue: str) -> None:
    with pytest.raises(AppInvalid, match=f"Function reads names the queue '{queue}'"):
        described(with_queue(queue))


@pytest.mark.parametrize("setting", ["AzureWebJobs.nightly.Disabled", "AzureWebJobs_nightly_Disabled"])
def test_a_setting_disables_a_function(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    assert not described(with_timer("0 0 3 * * *"))[0].disabled
    monkeypatch.setenv(setting, "True")
    assert described(with_timer("0 0 3 * * *"))[0].disabled
