"""Generates crates/client/src/tables.rs: what the client must know of requests that it sees as bytes.

Reads the .proto files that the crate temporalio-protos ships, so the tables and the message types agree.

    python tools/generate_client_tables.py            write the file
    python tools/generate_client_tables.py --check    fail if it is not up to date
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "crates/client/src/tables.rs"
INCLUDES = ("api_upstream", "api_cloud_upstream", "local", "testsrv_upstream", "grpc", "")
SERVICES = (
    "temporal/api/workflowservice/v1/service.proto",
    "temporal/api/operatorservice/v1/service.proto",
    "temporal/api/cloud/cloudservice/v1/service.proto",
)

# Requests with a task queue that Core does not report with its metrics.
NO_TASK_QUEUE_LABEL = {"ShutdownWorker", "StartActivityExecution"}

# Requests of the cloud service that count as those of a namespace; all others with such a field do.
CLOUD_NAMESPACED = {"GetNamespace", "UpdateNamespace", "DeleteNamespace"}

# Calls of users that wait at the server (spec 10.2.7); with a field's name, only if that field is true.
USER_LONG_POLLS = {
    "GetWorkflowExecutionHistory": "wait_new_event",
    "UpdateWorkflowExecution": None,
    "ExecuteMultiOperation": None,
    "PollWorkflowExecutionTimeSkipping": None,
}

# Spec 10.3.2: which fields the server measures against which limit. Blob and memo may fail the call, "warn" only warns.
BLOB = {
    "command": (
        "CompleteWorkflowExecutionCommandAttributes.result",
        "ContinueAsNewWorkflowExecutionCommandAttributes.input",
        "FailWorkflowExecutionCommandAttributes.failure",
        "ModifyWorkflowPropertiesCommandAttributes.upserted_memo",
        "RecordMarkerCommandAttributes.details",
        "ScheduleActivityTaskCommandAttributes.input",
        "ScheduleNexusOperationCommandAttributes.input",
        "SignalExternalWorkflowExecutionCommandAttributes.input",
        "StartChildWorkflowExecutionCommandAttributes.input",
        "UpsertWorkflowSearchAttributesCommandAttributes.search_attributes",
    ),
    "common": ("Callback.NexusHandler.source_context",),
    "protocol": ("Message.body",),
    "query": ("WorkflowQuery.query_args",),
    "workflow": ("NewWorkflowExecutionInfo.input",),
    "workflowservice": (
        "RecordActivityTaskHeartbeatByIdRequest.details",
        "RecordActivityTaskHeartbeatRequest.details",
        "RespondActivityTaskCanceledByIdRequest.details",
        "RespondActivityTaskCanceledRequest.details",
        "RespondActivityTaskCompletedByIdRequest.result",
        "RespondActivityTaskCompletedRequest.result",
        "SignalWithStartWorkflowExecutionRequest.input",
        "SignalWithStartWorkflowExecutionRequest.signal_input",
        "SignalWorkflowExecutionRequest.input",
        "StartActivityExecutionRequest.input",
        "StartNexusOperationExecutionRequest.input",
        "StartWorkflowExecutionRequest.input",
    ),
}
MEMO = {
    "command": (
        "ContinueAsNewWorkflowExecutionCommandAttributes.memo",
        "StartChildWorkflowExecutionCommandAttributes.memo",
    ),
    "workflow": ("NewWorkflowExecutionInfo.memo",),
    "workflowservice": ("SignalWithStartWorkflowExecutionRequest.memo", "StartWorkflowExecutionRequest.memo"),
}
WARN = {
    "query": ("WorkflowQueryResult.answer",),
    "workflowservice": (
        "RespondActivityTaskFailedByIdRequest.failure",
        "RespondActivityTaskFailedByIdRequest.last_heartbeat_details",
        "RespondActivityTaskFailedRequest.failure",
        "RespondActivityTaskFailedRequest.last_heartbeat_details",
        "RespondNexusTaskFailedRequest.failure",
        "RespondWorkflowTaskFailedRequest.failure",
        "RespondQueryTaskCompletedRequest.query_result",
    ),
}
# Measured by other than the field's encoded size (spec 10.3.1).
MEASURES = {
    "temporal.api.command.v1.RecordMarkerCommandAttributes.details": "MapEntry",
    "temporal.api.command.v1.ModifyWorkflowPropertiesCommandAttributes.upserted_memo": "MapData",
    "temporal.api.command.v1.UpsertWorkflowSearchAttributesCommandAttributes.search_attributes": "MapData",
}
# Never looked into: what they hold is measured by the fields above, or not at all.
OPAQUE = {
    f"temporal.api.{name}"
    for name in (
        "common.v1.Header",
        "common.v1.Memo",
        "common.v1.Payload",
        "common.v1.Payloads",
        "common.v1.SearchAttributes",
        "failure.v1.Failure",
        "sdk.v1.UserMetadata",
    )
}


def limited_fields() -> dict[str, str]:
    """Full field name to the rule that measures it, as Rust source."""
    rules: dict[str, str] = {}
    for table, limit in ((BLOB, "Limit::Blob"), (MEMO, "Limit::Memo"), (WARN, "Limit::BlobWarning")):
        for package, fields in table.items():
            for field in fields:
                name = f"temporal.api.{package}.v1.{field}"
                rules[name] = f"Rule::Measure({limit}, Measure::{MEASURES.get(name, 'Encoded')})"
    return rules


def load_descriptors() -> descriptor_pool.DescriptorPool:
    """Compiles the .proto files of the crate temporalio-protos."""
    metadata = json.loads(
        subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"], cwd=ROOT, text=True)
    )
    manifest = next(p["manifest_path"] for p in metadata["packages"] if p["name"] == "temporalio-protos")
    protos = Path(manifest).parent / "protos"
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "descriptors.bin"
        includes = [f"-I{protos / include}" for include in INCLUDES]
        command = [sys.executable, "-m", "grpc_tools.protoc", *includes, "--include_imports"]
        subprocess.check_call([*command, f"--descriptor_set_out={output}", *SERVICES])
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


class Limits:
    """The messages on the way to a measured field, each numbered when it is first needed."""

    def __init__(self) -> None:
        self.rules = limited_fields()
        self.used: set[str] = set()
        self.leads_to_measure: dict[str, bool] = {}
        self.numbers: dict[str, int] = {}
        self.rows: list[str] = []

    def reaches(self, message: Descriptor) -> bool:
        """Whether a measured field lies in or below this message."""
        if message.full_name in OPAQUE:
            return False
        if message.full_name not in self.leads_to_measure:
            self.leads_to_measure[message.full_name] = False
            self.leads_to_measure[message.full_name] = any(
                field.full_name in self.rules or (field.message_type and self.reaches(field.message_type))
                for field in message.fields
            )
        return self.leads_to_measure[message.full_name]

    def number(self, message: Descriptor) -> int:
        """The index of this message's rules."""
        if message.full_name not in self.numbers:
            self.numbers[message.full_name] = len(self.rows)
            self.rows.append("")
            rules = [rule for field in message.fields if (rule := self.rule(field))]
            self.rows[self.numbers[message.full_name]] = f"&[{', '.join(rules)}], // {message.full_name}"
        return self.numbers[message.full_name]

    def rule(self, field: FieldDescriptor) -> str | None:
        if field.full_name in self.rules:
            self.used.add(field.full_name)
            return f"({field.number}, {self.rules[field.full_name]})"
        if field.message_type and self.reaches(field.message_type):
            return f"({field.number}, Rule::Enter({self.number(field.message_type)}))"
        return None


def task_queue(method: str, request: Descriptor) -> str:
    field = request.fields_by_name.get("task_queue")
    if field is None or method in NO_TASK_QUEUE_LABEL:
        return "TaskQueueField::Absent"
    kind = "Message" if field.message_type else "Name"
    return f"TaskQueueField::{kind}({field.number})"


def long_poll(method: str, request: Descriptor) -> str:
    if method not in USER_LONG_POLLS:
        return "LongPoll::Never"
    field = USER_LONG_POLLS[method]
    return "LongPoll::Always" if field is None else f"LongPoll::IfSet({request.fields_by_name[field].number})"


def shape_of(service: str, method: str, request: Descriptor, limits: Limits) -> str | None:
    """One row of the table; none if there is nothing to know."""
    namespace = request.fields_by_name.get("namespace")
    if namespace is None or namespace.type != FieldDescriptor.TYPE_STRING:
        return None
    if "CloudService" in service and method not in CLOUD_NAMESPACED:
        return None
    measured = f"Some({limits.number(request)})" if limits.reaches(request) else "None"
    fields = f"{namespace.number}, {task_queue(method, request)}, {long_poll(method, request)}, {measured}"
    return f'("/{service}/{method}", shape({fields})),'


HEADER = """\
//! Generated by tools/generate_client_tables.py: what the client must know of requests that it sees as bytes.

use crate::shape::{Limit, LongPoll, Measure, RequestShape, Rule, TaskQueueField, shape};
"""


def render(pool: descriptor_pool.DescriptorPool) -> str:
    limits = Limits()
    shapes: list[str] = []
    for file in SERVICES:
        for service in pool.FindFileByName(file).services_by_name.values():
            rows = (shape_of(service.full_name, method.name, method.input_type, limits) for method in service.methods)
            shapes.extend(row for row in rows if row)
    if unused := set(limits.rules) - limits.used:
        raise SystemExit(f"fields that no request reaches: {sorted(unused)}")
    parts = [
        HEADER,
        "/// By URI, in ascending order.\n#[rustfmt::skip]\npub(crate) const SHAPES: &[(&str, RequestShape)] = &[",
        *(f"    {row}" for row in sorted(shapes)),
        "];\n",
        "/// By message: field numbers and what to do with such a field.",
        "#[rustfmt::skip]\npub(crate) const RULES: &[&[(u32, Rule)]] = &[",
        *(f"    {row}" for row in limits.rows),
        "];\n",
    ]
    return "\n".join(parts)


def main() -> None:
    text = render(load_descriptors())
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != text:
            raise SystemExit(f"{TARGET.relative_to(ROOT)} is out of date: run tools/generate_client_tables.py")
        return
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
