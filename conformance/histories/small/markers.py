"""Patches, local activities, updates, attributes."""

from __future__ import annotations

from temporalio.api.common.v1 import Memo, SearchAttributes

from conformance.histories.builder import HistoryBuilder, failure, payloads
from conformance.histories.small.registry import begun, ended, history, replay_only


@history
def patched_with_search_attribute() -> HistoryBuilder:
    """Two patches, each with the companion search attribute."""
    builder = begun()
    builder.patch_marker("first-change")
    builder.change_version_upserted("first-change")
    builder.timer_fired(1, builder.timer_started(1))
    builder.task()
    builder.patch_marker("second-change")
    builder.change_version_upserted("first-change", "second-change")
    builder.timer_fired(2, builder.timer_started(2))
    return ended(builder)


@history
def deprecated_patch() -> HistoryBuilder:
    """A deprecated patch marker."""
    builder = begun()
    builder.patch_marker("old-change", deprecated=True)
    builder.change_version_upserted("old-change")
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


@history
def attributes_and_memo_upserted() -> HistoryBuilder:
    """Search attributes and memo change."""
    builder = begun()
    keyword = payloads(b'"blue"').payloads[0]
    builder.add(
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "upsert_workflow_search_attributes_event_attributes",
        search_attributes=SearchAttributes(indexed_fields={"Color": keyword}),
        workflow_task_completed_event_id=builder.completed,
    )
    builder.add(
        "WORKFLOW_PROPERTIES_MODIFIED",
        "workflow_properties_modified_event_attributes",
        upserted_memo=Memo(fields={"note": keyword}),
        workflow_task_completed_event_id=builder.completed,
    )
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


@replay_only
def local_activities_with_activation_index() -> HistoryBuilder:
    """Three local activities, resolved one activation each."""
    builder = begun()
    for seq in (1, 2, 3):
        builder.local_activity_marker(seq, activation_index=seq)
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


@replay_only
def local_activities_of_old_histories() -> HistoryBuilder:
    """Markers without an activation index: all at once."""
    builder = begun()
    for seq in (1, 2, 3):
        builder.local_activity_marker(seq, activation_index=None)
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


@replay_only
def local_activity_over_heartbeats() -> HistoryBuilder:
    """Workflow task heartbeats pass before the marker."""
    builder = begun()
    builder.task()
    builder.task()
    builder.local_activity_marker(1, activation_index=1)
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


@history
def update_completes_in_its_task() -> HistoryBuilder:
    """Accepted and completed at once."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.task()
    builder.update_completed("update-1", builder.update_accepted("update-1"))
    builder.signaled()
    return ended(builder)


@history
def update_completes_later() -> HistoryBuilder:
    """Accepted, then completed after a timer."""
    builder = begun()
    builder.task()
    accepted = builder.update_accepted("update-1")
    builder.timer_fired(1, builder.timer_started(1))
    builder.task()
    builder.update_completed("update-1", accepted)
    builder.signaled()
    return ended(builder)


@history
def update_fails() -> HistoryBuilder:
    """Accepted, then failed."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.task()
    builder.update_completed("update-1", builder.update_accepted("update-1"), failed=failure("handler broke"))
    builder.signaled()
    return ended(builder)


@history
def update_admitted() -> HistoryBuilder:
    """An update that was reapplied by a reset: its request stands in an event of its own."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.update_admitted("update-1")
    builder.task()
    builder.update_completed("update-1", builder.update_accepted("update-1", admitted=True))
    builder.signaled()
    return ended(builder)


@history
def everything_at_once() -> HistoryBuilder:
    """Activity, timer, child, patch, local activity, signal and update in one run."""
    builder = begun()
    builder.patch_marker("change")
    builder.change_version_upserted("change")
    scheduled = builder.activity_scheduled(1)
    timer = builder.timer_started(1)
    initiated = builder.child_initiated("child-1")
    builder.local_activity_marker(1, activation_index=1)
    builder.child("STARTED", initiated, "child-1")
    builder.signaled()
    builder.activity_completed(scheduled, builder.activity_started(scheduled))
    builder.task()
    builder.update_completed("update-1", builder.update_accepted("update-1"))
    builder.timer_fired(1, timer)
    builder.child("COMPLETED", initiated, "child-1")
    return ended(builder)
