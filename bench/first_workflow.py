"""Child: from a cold interpreter to the first replayed workflow.

Usage: python -m bench.first_workflow CORE; prints one JSON line with seconds to import and to the first result.
"""

from __future__ import annotations

import json
import sys
import time

_BEGUN = time.perf_counter()


def main(core: str) -> None:
    """Import the SDK on the Core, replay a small history."""
    from conformance.differential import cores

    cores.use(core)
    import temporalio.worker  # noqa: F401 - what a user's program imports first

    imported = time.perf_counter() - _BEGUN
    from conformance.differential.replay_histories import replay_item
    from conformance.histories import long

    result = replay_item("bench", long.activities(40).serialized(), "history")
    if "error" in result:
        raise RuntimeError(result["error"])
    print(json.dumps({"import_seconds": imported, "first_workflow_seconds": time.perf_counter() - _BEGUN}))


if __name__ == "__main__":
    main(sys.argv[1])
