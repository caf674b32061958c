"""Every field that may differ between native Core and ours, each with its reason. Nothing else is left out.

The same list as crates/testkit/src/vector/masks.rs: a change here is a change there.
"""

from __future__ import annotations

from corewasm.compare.differences import Masks

__all__ = ["ACTIVATIONS", "LIVE_TIMES", "REQUESTS", "Masks"]

_SET = "native keeps it as a hash set: two native runs differ"

ACTIVATIONS = Masks({}, {"available_internal_flags": _SET})

LIVE_TIMES = Masks(
    {"timestamp": "workflow time moves on by how long a local activity really ran"}, ACTIVATIONS.unordered
)

REQUESTS = Masks(
    {
        "identity": "holds the process id",
        "sticky_attributes.worker_task_queue.name": "random",
        "task_queue.name": "the sticky queue's name is random; the normal one is compared by normal_name",
        "sticky_task_queue": "random",
        "worker_instance_key": "random",
        "worker_control_task_queue": "holds a random grouping key",
        "worker_heartbeat": "process facts and times",
    },
    {"sdk_metadata.core_used_flags": _SET, "sdk_metadata.lang_used_flags": _SET},
)
