"""Reads model.json, which lies beside the table folders and names their partitions and columns.

The format is the Common Data Model's model.json 1.0 (MicrosoftDocs, common-data-model/model-json), with the product's
own `hasHeader` on a partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from shared.snapshots.errors import BadModel, name_shown
from shared.snapshots.limits import MAX_COLUMNS, MAX_ENTITIES, MAX_MODEL_BYTES, MAX_PARTITIONS
from shared.snapshots.models import Delimiter, Header
from shared.snapshots.paths import MODEL_FILE, OutsideContainer, join, parent_of, path_in_container
from shared.snapshots.refusals import told_as_refused


def _or_empty(value: object) -> object:
    return [] if value is None else value


class _FormatSettings(BaseModel):
    column_headers: bool | None = Field(None, alias="columnHeaders")
    delimiter: Delimiter | None = None
    encoding: str | None = None
    quote_style: str | None = Field(None, alias="quoteStyle", pattern=r"(?i)^(QuoteStyle\.)?(Csv|None)$")


class _Partition(BaseModel):
    name: str = ""
    location: str | None = None
    has_header: bool | None = Field(None, alias="hasHeader")
    settings: _FormatSettings | None = Field(None, alias="fileFormatSettings")


class _Attribute(BaseModel):
    name: str


# fail_fast: each wrong item of a list would become an error of its own, and a few MB of them fill the memory.
class _Entity(BaseModel):
    name: str
    attributes: Annotated[
        list[_Attribute], Field(max_length=MAX_COLUMNS, fail_fast=True), BeforeValidator(_or_empty)
    ] = []
    partitions: Annotated[list[_Partition], Field(max_length=MAX_PARTITIONS, fail_fast=True)] | None = None


class _Model(BaseModel):
    entities: Annotated[list[_Entity], Field(max_length=MAX_ENTITIES, fail_fast=True)]


@dataclass(frozen=True)
class NamedPartition:
    """A partition as model.json names it: the blob's path in the container, and what is said about its format."""

    path: str
    header: Header
    delimiter: str | None
    encoding: str | None
    plain_quotes: bool


@dataclass(frozen=True)
class Entity:
    """A table of the model: its column names, and the partitions that have a location.

    `refusal` is why a partition's location is not followed; it stops the segments of this table and no others.
    `is_empty` says that the model lists no partition at all, and not only none with a location: there are no profiles.
    """

    name: str
    columns: tuple[str, ...]
    partitions: tuple[NamedPartition, ...]
    is_empty: bool
    refusal: BadModel | None


@dataclass(frozen=True)
class Model:
    """A model.json: where it lies, when it was written, what it describes."""

    path: str
    written_at: datetime
    entities: tuple[Entity, ...]

    def entity_of(self, table: str) -> Entity | None:
        """The entity of a table folder: the one with partitions in it, else the one of its name; case is ignored last.

        Raises BadModel where several entities have partitions in the folder and none has its name, and where a
        partition of the entity has a location that leads out of the container.
        """
        entity = self._find(table)
        if entity and entity.refusal:
            raise entity.refusal
        return entity

    def _find(self, table: str) -> Entity | None:
        name = table.rpartition("/")[2]
        inside = [
            entity for entity in self.entities if any(part.path.startswith(f"{table}/") for part in entity.partitions)
        ]
        candidates = inside or list(self.entities)
        named = [entity for entity in candidates if entity.name == name] or [
            entity for entity in candidates if entity.name.casefold() == name.casefold()
        ]
        if len(inside) == 1:
            return inside[0]
        if inside and len(named) != 1:
            raise BadModel(self.path, "entities", f"has several entities with partitions in '{table}'")
        return named[0] if named else None


def read_model(container: ContainerClient, root: str) -> Model | None:
    """The model.json of a root folder, or None where there is none.

    Raises BadModel, naming blob and field, when it is beyond a limit in `shared.snapshots.limits`, not JSON, nested too
    deeply or of another shape.
    """
    path = join(root, MODEL_FILE)
    with told_as_refused(container):
        try:
            download = container.download_blob(path, decompress=False)
        except ResourceNotFoundError:
            return None
        if download.size > MAX_MODEL_BYTES:
            raise BadModel(path, "", f"is larger than {MAX_MODEL_BYTES // 1024**2} MiB")
        content = download.readall()
    return parse_model(path, content, container.url, download.properties.last_modified)


def parse_model(path: str, content: bytes, container_url: str, written_at: datetime) -> Model:
    """The model in the bytes of a model.json; raises BadModel as read_model does."""
    try:
        parsed = _Model.model_validate_json(content.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise BadModel(path, field, f"is not as expected: {first['msg']}") from error
    if sum(len(entity.partitions or ()) for entity in parsed.entities) > MAX_PARTITIONS:
        raise BadModel(path, "partitions", f"are more than {MAX_PARTITIONS:,}")
    return Model(path, written_at, tuple(_entity(path, entity, container_url) for entity in parsed.entities))


def _entity(path: str, entity: _Entity, container_url: str) -> Entity:
    named: dict[str, NamedPartition] = {}
    refusal = None
    for partition in entity.partitions or ():
        # A null location means that the model only describes the columns.
        if partition.location is None:
            continue
        try:
            blob = path_in_container(partition.location, container_url, parent_of(path))
        except OutsideContainer as error:
            field = f"entities '{name_shown(entity.name)}', partitions '{name_shown(partition.name)}', location"
            refusal = refusal or BadModel(path, field, f"{error} and is not read")
            continue
        settings = partition.settings or _FormatSettings()
        says = settings.column_headers if settings.column_headers is not None else partition.has_header
        named[blob] = NamedPartition(
            path=blob,
            header="auto" if says is None else "yes" if says else "no",
            delimiter=settings.delimiter,
            encoding=settings.encoding,
            plain_quotes=(settings.quote_style or "").lower().endswith("none"),
        )
    columns = tuple(attribute.name for attribute in entity.attributes)
    return Entity(entity.name, columns, tuple(named.values()), entity.partitions == [], refusal)
