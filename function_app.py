"""Every trigger of the app in one place; each calls the step that does the work.

A new snapshot, the refresh schedule or somebody on demand starts a run; the run goes through three queues: prepare,
upload, follow. `exporters.steps` says which step a queue is for and what happens when one cannot go on.
"""

from __future__ import annotations

import functools
import logging

import azure.functions as func
from azurefunctions.extensions.bindings import blob as blobs

from admin import connecting
from admin.site import make_api, make_pages
from exporters import keep_alive, notifications, sampling, start, sweeping
from exporters.each import each
from exporters.services import Services, connect
from exporters.steps import give_up, run_step
from shared.queues import ACTIVITIES, BATCHES, NOTIFICATIONS, RUNS
from shared.settings import load_settings
from shared.telemetry import invocation, put_fields_on_log_records

# A missing or wrong setting stops the app here, by name, before any trigger can fire.
settings = load_settings()
# The SDK's own log lines are one a request; what the app does is in its own.
logging.getLogger("azure").setLevel(logging.WARNING)
put_fields_on_log_records()
log = logging.getLogger(__name__)


@functools.cache
def services() -> Services:
    """Connected when the first trigger fires, then kept."""
    return connect(settings)


app = func.FunctionApp()
api = func.AsgiMiddleware(make_api(services, settings))  # type: ignore[no-untyped-call]
pages = func.AsgiMiddleware(make_pages(services, settings))  # type: ignore[no-untyped-call]


@app.timer_trigger(arg_name="timer", schedule="%REFRESH_SCHEDULE%")
@invocation
def refresh(timer: func.TimerRequest) -> None:
    """With every scheduled refresh: start each export that goes with it and has something new."""
    started = start.start_due(services())
    log.info("refresh schedule (past due: %s) started %d runs", timer.past_due, len(started))


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
@invocation
def start_due(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
    """Every five minutes: start exports whose own time has come, and make up what could not be started in time."""
    started = start.start_due(services())
    log.info("own schedules, and what was missed, started %d runs", len(started))


@app.timer_trigger(arg_name="timer", schedule="0 */15 * * * *")
@invocation
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
    """Four times an hour: take up runs that nobody carries on, delete what is kept no longer, measure.

    Whatever becomes of one of these, the others have their turn.
    """
    duties = (
        connecting.remove_abandoned,
        sweeping.delete_old_files,
        sweeping.take_up_lost_runs,
        sweeping.complete_history,
        sweeping.forget_up_to_date,
        sweeping.forget_old_runs,
        sweeping.forget_old_changes,
        sampling.take_samples,
    )
    each(duties, lambda duty: duty(services()), lambda duty: duty.__name__)
    log.info("the sweep is done")


@app.timer_trigger(arg_name="timer", schedule="0 40 4 * * *")
@invocation
def keep_grants_alive(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
    """Once a day: refresh the tokens of connections that no export has used for long, before they lapse."""
    log.info("%d connections were kept alive", len(keep_alive.keep_grants_alive(services())))


@app.blob_trigger(
    arg_name="blob",
    path="%SNAPSHOT_CONTAINER%/{name}",
    connection="SNAPSHOT_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
@invocation
def snapshot_arrived(blob: blobs.BlobClient) -> None:
    """A blob was written to the snapshot container: start each export that has not taken it up."""
    start.start_for_snapshots(services(), blob.blob_name)


# The host tries routes that overlap in alphabetical order of the function names, so these two sort last.


@app.route("api/{*route}", methods=list(func.HttpMethod), auth_level=func.AuthLevel.FUNCTION)
async def zy_api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The JSON API, for whoever has a function key. `POST /api/exports/{id}/runs` starts a run on demand."""
    answer: func.HttpResponse = await api.handle_async(req, context)
    return answer


@app.route("{*route}", methods=list(func.HttpMethod), auth_level=func.AuthLevel.ANONYMOUS)
async def zz_pages(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The pages. They themselves ask who is there; the platform only says so."""
    answer: func.HttpResponse = await pages.handle_async(req, context)
    return answer


@app.queue_trigger(arg_name="msg", queue_name=RUNS, connection="AzureWebJobsStorage")
@invocation
def prepare_run(msg: func.QueueMessage) -> None:
    """Snapshots → contacts → batch files and rejected rows."""
    run_step(services(), RUNS, msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=BATCHES, connection="AzureWebJobsStorage")
@invocation
def upload_batch(msg: func.QueueMessage) -> None:
    """Upload one batch to Constant Contact."""
    run_step(services(), BATCHES, msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=ACTIVITIES, connection="AzureWebJobsStorage")
@invocation
def follow_activities(msg: func.QueueMessage) -> None:
    """Follow a run's activities until all have ended, then end the run."""
    run_step(services(), ACTIVITIES, msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=f"{RUNS}-poison", connection="AzureWebJobsStorage")
@invocation
def give_up_run(msg: func.QueueMessage) -> None:
    """Preparing failed as often as the host tries."""
    give_up(services(), RUNS, msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=f"{BATCHES}-poison", connection="AzureWebJobsStorage")
@invocation
def give_up_batch(msg: func.QueueMessage) -> None:
    """Uploading failed as often as the host tries."""
    give_up(services(), BATCHES, msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=f"{ACTIVITIES}-poison", connection="AzureWebJobsStorage")
@invocation
def give_up_activities(msg: func.QueueMessage) -> None:
    """Following failed as often as the host tries."""
    give_up(services(), ACTIVITIES, msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=NOTIFICATIONS, connection="AzureWebJobsStorage")
@invocation
def notify(msg: func.QueueMessage) -> None:
    """Post that an export has failed, or works again, to the web address of the settings."""
    notifications.deliver(services(), msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=f"{NOTIFICATIONS}-poison", connection="AzureWebJobsStorage")
@invocation
def give_up_notification(msg: func.QueueMessage) -> None:
    """Posting failed as often as the host tries."""
    notifications.give_up(msg.get_body())
