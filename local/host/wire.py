"""The messages between host and worker, as plain classes: this module stands in for the generated protobuf module.

Microsoft's worker library never imports protobuf; it takes the message classes as a namespace called `protos`, builds
its answers as `protos.X(**fields)` and asks incoming values for `WhichOneof()`. The names and fields here are those of
FunctionRpc.proto (Azure/azure-functions-language-worker-protobuf), as far as the library uses them.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar


@dataclass(frozen=True)
class ModelBindingData:
    """What an SDK-type parameter is made from: `content` is JSON that names the resource."""

    version: str
    source: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class TypedData:
    """One value on the wire; at most one field is set."""

    string: str | None = None
    bytes: builtins.bytes | None = None
    json: str | None = None
    http: RpcHttp | None = None
    model_binding_data: ModelBindingData | None = None
    int: builtins.int | None = None
    double: float | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Name of the field that is set, None when none is."""
        return next((name for name, value in vars(self).items() if value is not None), None)


@dataclass(frozen=True)
class Nullable:
    """A value that may be absent from its message altogether."""

    value: Any


NullableString = NullableBool = NullableDouble = NullableTimestamp = Nullable


@dataclass(frozen=True)
class Timestamp:
    """Seconds since 1970, UTC."""

    seconds: int


@dataclass(frozen=True)
class RpcHttpCookie:
    """A cookie of a response; attributes are absent or `Nullable`."""

    # The worker takes one of these names; the values are what the header says. "None" means unsaid.
    SameSite: ClassVar[SimpleNamespace] = SimpleNamespace(
        **{"None": ""}, Lax="lax", Strict="strict", ExplicitNone="none"
    )

    name: str
    value: str
    domain: Nullable | None = None
    path: Nullable | None = None
    expires: Nullable | None = None
    secure: Nullable | None = None
    http_only: Nullable | None = None
    same_site: str = ""
    max_age: Nullable | None = None


@dataclass(frozen=True)
class RpcHttp:
    """A request to the worker (method to params) or a response from it (status_code to cookies)."""

    method: str = ""
    url: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: TypedData = field(default_factory=TypedData)
    status_code: str = ""
    cookies: Sequence[RpcHttpCookie] | None = None
    enable_content_negotiation: bool = False


@dataclass(frozen=True)
class ParameterBinding:
    """The value of one parameter of a function."""

    name: str
    data: TypedData

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's name
        """Always `data`: there is no shared memory within one process."""
        return "data"


@dataclass(frozen=True)
class RpcTraceContext:
    """W3C trace context of an invocation."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RetryContext:
    """Retry policies are refused at start, so this never says anything."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


@dataclass(frozen=True)
class InvocationRequest:
    """Run a function once."""

    invocation_id: str
    function_id: str
    input_data: Sequence[ParameterBinding]
    trigger_metadata: Mapping[str, TypedData]
    trace_context: RpcTraceContext
    retry_context: RetryContext = RetryContext()


@dataclass(frozen=True)
class RpcException:
    """What the worker says of an exception."""

    message: str
    stack_trace: str = ""


@dataclass(frozen=True)
class StatusResult:
    """Whether the worker did what it was asked."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int
    exception: RpcException | None = None


@dataclass(frozen=True)
class InvocationResponse:
    """How an invocation ended."""

    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: Sequence[ParameterBinding] = ()


@dataclass(frozen=True)
class WorkerMetadata:
    """Which worker this is."""

    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: Mapping[str, str]


@dataclass(frozen=True)
class WorkerInitResponse:
    """The worker has imported the app, or says why not."""

    capabilities: Mapping[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@dataclass(frozen=True)
class BindingInfo:
    """Type and direction of one parameter."""

    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2

    type: str
    data_type: int | None
    direction: int


@dataclass(frozen=True)
class RpcRetryOptions:
    """A retry policy that the app declares."""

    max_retry_count: int
    retry_strategy: str
    delay_interval: timedelta | None = None
    minimum_interval: timedelta | None = None
    maximum_interval: timedelta | None = None


@dataclass(frozen=True)
class RpcFunctionMetadata:
    """One function of the app; `raw_bindings` are JSON texts in the shape of function.json."""

    name: str
    function_id: str
    managed_dependency_enabled: bool
    directory: str
    script_file: str
    entry_point: str
    is_proxy: bool
    language: str
    bindings: Mapping[str, BindingInfo]
    raw_bindings: Sequence[str]
    retry_options: RpcRetryOptions | None
    properties: Mapping[str, str]


@dataclass(frozen=True)
class FunctionMetadataResponse:
    """All functions of the app; None when there is no function_app.py."""

    use_default_metadata_indexing: bool
    function_metadata_results: Sequence[RpcFunctionMetadata] | None
    result: StatusResult
