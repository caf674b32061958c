"""The RPCs that can be called by name, per service (spec: python-bridge 15)."""

from __future__ import annotations

SERVICES = {
    "workflow": "temporal.api.workflowservice.v1.WorkflowService",
    "operator": "temporal.api.operatorservice.v1.OperatorService",
    "cloud": "temporal.api.cloud.cloudservice.v1.CloudService",
    "test": "temporal.api.testservice.v1.TestService",
    "health": "grpc.health.v1.Health",
}


def method_name(rpc: str) -> str:
    """The proto's name of a method: poll_workflow_task_queue -> PollWorkflowTaskQueue."""
    return "".join(word.capitalize() for word in rpc.split("_"))


RPCS: dict[str, frozenset[str]] = {
    "workflow": frozenset(
        """
        count_activity_executions count_nexus_operation_executions count_schedules count_workers
        count_workflow_executions create_schedule create_worker_deployment create_worker_deployment_version
        create_workflow_rule delete_activity_execution delete_nexus_operation_execution delete_schedule
        delete_worker_deployment delete_worker_deployment_version delete_workflow_execution
        delete_workflow_rule deprecate_namespace describe_activity_execution describe_batch_operation
        describe_deployment describe_namespace describe_nexus_operation_execution describe_schedule
        describe_task_queue describe_worker describe_worker_deployment describe_worker_deployment_version
        describe_workflow_execution describe_workflow_rule execute_multi_operation fetch_worker_config
        get_cluster_info get_current_deployment get_deployment_reachability get_search_attributes
        get_system_info get_worker_build_id_compatibility get_worker_task_reachability
        get_worker_versioning_rules get_workflow_execution_history get_workflow_execution_history_reverse
        list_activity_executions list_archived_workflow_executions list_batch_operations
        list_closed_workflow_executions list_deployments list_namespaces list_nexus_operation_executions
        list_open_workflow_executions list_schedule_matching_times list_schedules list_task_queue_partitions
        list_worker_deployments list_workers list_workflow_executions list_workflow_rules patch_schedule
        pause_activity pause_activity_execution pause_workflow_execution poll_activity_execution
        poll_activity_task_queue poll_nexus_operation_execution poll_nexus_task_queue
        poll_workflow_execution_time_skipping poll_workflow_execution_update poll_workflow_task_queue
        query_workflow record_activity_task_heartbeat record_activity_task_heartbeat_by_id
        record_worker_heartbeat register_namespace request_cancel_activity_execution
        request_cancel_nexus_operation_execution request_cancel_workflow_execution reset_activity
        reset_activity_execution reset_sticky_task_queue reset_workflow_execution
        respond_activity_task_canceled respond_activity_task_canceled_by_id respond_activity_task_completed
        respond_activity_task_completed_by_id respond_activity_task_failed respond_activity_task_failed_by_id
        respond_nexus_task_completed respond_nexus_task_failed respond_query_task_completed
        respond_workflow_task_completed respond_workflow_task_failed scan_workflow_executions
        set_current_deployment set_worker_deployment_current_version set_worker_deployment_manager
        set_worker_deployment_ramping_version shutdown_worker signal_with_start_workflow_execution
        signal_workflow_execution start_activity_execution start_batch_operation
        start_nexus_operation_execution start_workflow_execution stop_batch_operation
        terminate_activity_execution terminate_nexus_operation_execution terminate_workflow_execution
        trigger_workflow_rule unpause_activity unpause_activity_execution unpause_workflow_execution
        update_activity_execution_options update_activity_options update_namespace update_schedule
        update_task_queue_config update_worker_build_id_compatibility update_worker_config
        update_worker_deployment_version_compute_config update_worker_deployment_version_metadata
        update_worker_versioning_rules update_workflow_execution update_workflow_execution_options
        validate_worker_deployment_version_compute_config
        """.split()
    ),
    "operator": frozenset(
        """
        add_or_update_remote_cluster add_search_attributes create_nexus_endpoint delete_namespace
        delete_nexus_endpoint get_nexus_endpoint list_clusters list_nexus_endpoints list_search_attributes
        remove_remote_cluster remove_search_attributes update_nexus_endpoint
        """.split()
    ),
    "cloud": frozenset(
        """
        add_namespace_region add_user_group_member create_account_audit_log_sink create_api_key
        create_billing_report create_connectivity_rule create_custom_role create_namespace
        create_namespace_export_sink create_nexus_endpoint create_service_account create_user
        create_user_group delete_account_audit_log_sink delete_api_key delete_connectivity_rule
        delete_custom_role delete_namespace delete_namespace_export_sink delete_namespace_region
        delete_nexus_endpoint delete_service_account delete_user delete_user_group failover_namespace_region
        get_account get_account_audit_log_sink get_account_audit_log_sinks get_api_key get_api_keys
        get_async_operation get_audit_logs get_billing_report get_connectivity_rule get_connectivity_rules
        get_current_identity get_custom_role get_custom_roles get_namespace get_namespace_capacity_info
        get_namespace_export_sink get_namespace_export_sinks get_namespaces get_nexus_endpoint
        get_nexus_endpoints get_region get_regions get_service_account
        get_service_account_namespace_assignments get_service_accounts get_usage get_user get_user_group
        get_user_group_members get_user_group_namespace_assignments get_user_groups
        get_user_namespace_assignments get_users remove_user_group_member rename_custom_search_attribute
        set_service_account_namespace_access set_user_group_namespace_access set_user_namespace_access
        update_account update_account_audit_log_sink update_api_key update_custom_role update_namespace
        update_namespace_export_sink update_namespace_tags update_nexus_endpoint update_service_account
        update_user update_user_group validate_account_audit_log_sink validate_namespace_export_sink
        """.split()
    ),
    "test": frozenset(
        """
        get_current_time lock_time_skipping sleep sleep_until unlock_time_skipping
        unlock_time_skipping_with_sleep
        """.split()
    ),
    "health": frozenset(
        """
        check
        """.split()
    ),
}
