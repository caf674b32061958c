"""The test server keeps what it answered: over a clean restart, and over a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import IndexedValueType, WorkflowExecutionStatus
from temporalio.api.operatorservice.v1 import (
    AddOrUpdateRemoteClusterRequest,
    AddOrUpdateRemoteClusterResponse,
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from tools.temporal_server import ServerHandle, running_server

WORKFLOWS = "/temporal.api.workflowservice.v1.WorkflowService/"
OPERATOR = "/temporal.api.operatorservice.v1.OperatorService/"


def call(server: ServerHandle, method: str, request: Message, response: type[Message]) -> Message:
    with grpc.insecure_channel(server.address) as channel:
        stub = channel.unary_unary(
            method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        answer: Message = stub(request, timeout=20, wait_for_ready=True)
        return answer


def start_workflow(server: ServerHandle) -> None:
    request = StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id="kept",
        workflow_type=WorkflowType(name="Any"),
        task_queue=TaskQueue(name="any"),
        request_id="one",
    )
    call(server, WORKFLOWS + "StartWorkflowExecution", request, StartWorkflowExecutionResponse)


def status(server: ServerHandle) -> int:
    request = DescribeWorkflowExecutionRequest(namespace="default", execution=WorkflowExecution(workflow_id="kept"))
    answer = call(server, WORKFLOWS + "DescribeWorkflowExecution", request, DescribeWorkflowExecutionResponse)
    assert isinstance(answer, DescribeWorkflowExecutionResponse)
    return answer.workflow_execution_info.status


def crash(server: ServerHandle) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("interrupt", [ServerHandle.restart, crash])
def test_workflows_survive(tmp_path: Path, interrupt: Callable[[ServerHandle], None]) -> None:
    with running_server(db=tmp_path / "temporal.db") as server:
        start_workflow(server)
        address = server.address
        interrupt(server)
        assert server.address == address
        assert status(server) == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


def test_search_attributes_can_be_added_and_used() -> None:
    with running_server(dynamic_config={"limit.historyCount.suggestContinueAsNew": 7}) as server:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        request = AddSearchAttributesRequest(namespace="default", search_attributes={"Colour": keyword})
        call(server, OPERATOR + "AddSearchAttributes", request, AddSearchAttributesResponse)
        query = CountWorkflowExecutionsRequest(namespace="default", query="Colour = 'green'")
        answer = call(server, WORKFLOWS + "CountWorkflowExecutions", query, CountWorkflowExecutionsResponse)
        assert isinstance(answer, CountWorkflowExecutionsResponse)
        assert answer.count == 0


def test_the_server_ends_with_its_owner() -> None:
    with running_server(port=None, dynamic_config={"frontend.enableServerVersionCheck": False}) as server:
        process = server._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_request_that_ends_a_real_server_does_not_end_this_one() -> None:
    with running_server() as server:
        request, response = AddOrUpdateRemoteClusterRequest(), AddOrUpdateRemoteClusterResponse
        with pytest.raises(grpc.RpcError):
            call(server, OPERATOR + "AddOrUpdateRemoteCluster", request, response)
        start_workflow(server)
        assert status(server) == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
