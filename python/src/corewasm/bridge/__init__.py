"""What stands in for ``temporalio.bridge.temporal_sdk_bridge``: the same names, on core.wasm.

The SDK's documentation of the module is its own ``temporalio/bridge/*.py``. This page is loaded twice: under its own
name and, by the finder of `corewasm.install`, under the name that the SDK imports; both show the same objects.
"""

from corewasm.bridge import envconfig
from corewasm.bridge.client import ClientRef, connect_client
from corewasm.bridge.errors import PollShutdownError, RPCError
from corewasm.bridge.logs import BufferedLogEntry
from corewasm.bridge.metrics import (
    MetricAttributesRef,
    MetricCounterRef,
    MetricGaugeFloatRef,
    MetricGaugeRef,
    MetricHistogramDurationRef,
    MetricHistogramFloatRef,
    MetricHistogramRef,
    MetricMeterRef,
)
from corewasm.bridge.replay import HistoryPusher, new_replay_worker
from corewasm.bridge.runtime import RuntimeRef, init_runtime, new_metric_meter, raise_in_thread
from corewasm.bridge.servers import EphemeralServerRef, start_dev_server, start_test_server
from corewasm.bridge.slot_contexts import (
    ActivitySlotInfo,
    LocalActivitySlotInfo,
    SlotMarkUsedCtx,
    SlotReleaseCtx,
    SlotReserveCtx,
    WorkflowSlotInfo,
)
from corewasm.bridge.slots import CustomSlotSupplier
from corewasm.bridge.worker import WorkerRef, new_worker
from corewasm.telemetry.buffered import BufferedMetric, BufferedMetricUpdate

FIPS = False
"""Whether cryptography is restricted to FIPS 140 modules: not by us."""

__all__ = [
    "FIPS",
    "RPCError",
    "PollShutdownError",
    "connect_client",
    "init_runtime",
    "raise_in_thread",
    "new_metric_meter",
    "start_dev_server",
    "start_test_server",
    "new_worker",
    "new_replay_worker",
    "ClientRef",
    "RuntimeRef",
    "WorkerRef",
    "HistoryPusher",
    "EphemeralServerRef",
    "CustomSlotSupplier",
    "MetricMeterRef",
    "MetricAttributesRef",
    "MetricCounterRef",
    "MetricHistogramRef",
    "MetricHistogramFloatRef",
    "MetricHistogramDurationRef",
    "MetricGaugeRef",
    "MetricGaugeFloatRef",
    "BufferedMetric",
    "BufferedMetricUpdate",
    "BufferedLogEntry",
    "SlotReserveCtx",
    "SlotReleaseCtx",
    "SlotMarkUsedCtx",
    "WorkflowSlotInfo",
    "ActivitySlotInfo",
    "LocalActivitySlotInfo",
    "envconfig",
]
