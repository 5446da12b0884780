"""Blob functions that Event Grid calls: with the content, with an SDK client, and one that fails."""

import logging

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob_types

app = func.FunctionApp()
logger = logging.getLogger(__name__)


EVENT_GRID = func.BlobSource.EVENT_GRID


@app.blob_trigger(arg_name="blob", path="%CONTAINER%/{folder}/{name}", connection="BLOBS", source=EVENT_GRID)
def with_content(blob: func.InputStream) -> None:
    metadata = blob.metadata  # type: ignore[attr-defined]
    logger.info(
        "content=%s name=%s length=%s uri=%s metadata=%s", blob.read(), blob.name, blob.length, blob.uri, metadata
    )


@app.blob_trigger(
    arg_name="blob",
    path="%CONTAINER%/{name}",
    connection="BLOBS",
    source="EventGrid",  # type: ignore[arg-type]  # the text is allowed as well
)
def with_client(blob: blob_types.BlobClient) -> None:
    logger.info("client=%s/%s content=%s", blob.container_name, blob.blob_name, blob.download_blob().readall())


@app.blob_trigger(arg_name="blob", path="%CONTAINER%/{name}", connection="BLOBS", source=EVENT_GRID)
def fails(blob: func.InputStream) -> None:
    logger.info("fails name=%s", blob.name)
    raise RuntimeError("no")
