"""Queue functions, one for each behaviour of the listener; the settings name their queues."""

import asyncio
import logging
import time

import azure.functions as func

app = func.FunctionApp()
logger = logging.getLogger(__name__)
_running = _most = 0


@app.queue_trigger(arg_name="msg", queue_name="%OK%", connection="QUEUES")
def succeeds(msg: func.QueueMessage) -> None:
    logger.info(
        "succeeds body=%s id=%s dequeued=%d inserted=%s", msg.get_body(), msg.id, msg.dequeue_count, msg.insertion_time
    )


@app.queue_trigger(arg_name="msg", queue_name="%FAILS%", connection="QUEUES")
def fails(msg: func.QueueMessage) -> None:
    logger.info("fails body=%s dequeued=%d", msg.get_body().decode(), msg.dequeue_count)
    raise RuntimeError("no")


@app.queue_trigger(arg_name="msg", queue_name="%FAILS%-poison", connection="QUEUES")
def fails_too(msg: func.QueueMessage) -> None:
    logger.info("poison body=%s", msg.get_body().decode())
    raise RuntimeError("no")


@app.queue_trigger(arg_name="msg", queue_name="%SLOW%", connection="QUEUES")
def slow(msg: func.QueueMessage) -> None:
    logger.info("slow starts body=%s dequeued=%d", msg.get_body().decode(), msg.dequeue_count)
    time.sleep(float(msg.get_body()) if msg.dequeue_count == 1 else 0)
    logger.info("slow ends")


@app.queue_trigger(arg_name="msg", queue_name="%BUSY%", connection="QUEUES")
async def busy(msg: func.QueueMessage) -> None:
    """Takes until three have run at once; with the body `short` a tenth of a second."""
    global _running, _most
    _running += 1
    _most = max(_most, _running)
    logger.info("busy running=%d", _running)
    await asyncio.sleep(0.1)
    while msg.get_body() != b"short" and _most < 3:
        await asyncio.sleep(0.01)
    _running -= 1
