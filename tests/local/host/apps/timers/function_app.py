"""Timers, one for each behaviour of the listener."""

import json
import logging
import time

import azure.functions as func

app = func.FunctionApp()
logger = logging.getLogger(__name__)


@app.timer_trigger(arg_name="timer", schedule="%DAILY%")
def daily(timer: func.TimerRequest) -> None:
    logger.info("daily past_due=%s last=%s", timer.past_due, timer.schedule_status.get("Last"))  # type: ignore[attr-defined]


@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *", run_on_startup=True)
def at_start(timer: func.TimerRequest) -> None:
    logger.info("at_start past_due=%s", timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def every_second(timer: func.TimerRequest) -> None:
    logger.info("every_second at=%d status=%s", time.time(), json.dumps(timer.schedule_status))  # type: ignore[attr-defined]


@app.timer_trigger(arg_name="timer", schedule="00:00:01")
def slower_than_its_interval(timer: func.TimerRequest) -> None:
    logger.info("slower starts")
    time.sleep(1.5)
    logger.info("slower ends")
