# ruff: noqa
# fmt: off
"""Messages of corewasm/host/glimpse.proto. Written by python/tools/generate_abi.py: do not edit."""

from google.protobuf import descriptor_pool as _descriptor_pool
from google.protobuf.internal import builder as _builder
DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile(
    b'\n\x1bcorewasm/host/glimpse.proto\x12\x15corewasm.host.glimpse"\xac\x01\n\nActivation\x12\x15\n\x06run_id\x18\x01 \x01(\tR\x05runId\x129\n\x04jobs\x18\x05 \x03(\x0b2%.corewasm.host.glimpse.Activation.JobR\x04jobs\x1aL\n\x03Job\x12/\n\x11remove_from_cache\x182 \x01(\x0cH\x00R\x0fremoveFromCache\x88\x01\x01B\x14\n\x12_remove_from_cache"-\n\x14ActivationCompletion\x12\x15\n\x06run_id\x18\x01 \x01(\tR\x05runId"R\n\x0cActivityTask\x12\x1d\n\ntask_token\x18\x01 \x01(\x0cR\ttaskToken\x12\x19\n\x05start\x18\x03 \x01(\x0cH\x00R\x05start\x88\x01\x01B\x08\n\x06_start"/\n\x0eTaskCompletion\x12\x1d\n\ntask_token\x18\x01 \x01(\x0cR\ttaskToken"m\n\tNexusTask\x129\n\x04task\x18\x01 \x01(\x0b2%.corewasm.host.glimpse.NexusTask.PollR\x04task\x1a%\n\x04Poll\x12\x1d\n\ntask_token\x18\x01 \x01(\x0cR\ttaskToken"\xaf\x01\n\x0cWorkflowTask\x12\x1d\n\ntask_token\x18\x01 \x01(\x0cR\ttaskToken\x12\\\n\x12workflow_execution\x18\x02 \x01(\x0b2-.corewasm.host.glimpse.WorkflowTask.ExecutionR\x11workflowExecution\x1a"\n\tExecution\x12\x15\n\x06run_id\x18\x02 \x01(\tR\x05runId"3\n\x12WorkflowTaskAnswer\x12\x1d\n\ntask_token\x18\x01 \x01(\x0cR\ttaskToken"\xcf\x01\n\x13WorkflowPollRequest\x12S\n\ntask_queue\x18\x02 \x01(\x0b24.corewasm.host.glimpse.WorkflowPollRequest.TaskQueueR\ttaskQueue\x12.\n\x13worker_instance_key\x18\x08 \x01(\tR\x11workerInstanceKey\x1a3\n\tTaskQueue\x12\x12\n\x04name\x18\x01 \x01(\tR\x04name\x12\x12\n\x04kind\x18\x02 \x01(\x05R\x04kind"c\n\x15WorkflowTaskCompleted\x12#\n\rworkflow_task\x18\x01 \x01(\x0cR\x0cworkflowTask\x12%\n\x0eactivity_tasks\x18\x02 \x03(\x0cR\ractivityTasks"+\n\nPolledTask\x12\x1d\n\ntask_token\x18\x01 \x01(\x0cR\ttaskTokenb\x06proto3'
)
_builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'corewasm.host.glimpse_pb2', globals())
