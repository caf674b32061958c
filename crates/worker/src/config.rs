//! The worker's configuration, checked and in the types that the worker uses (spec 0.5, 0.6).

use std::time::Duration;

use corewasm_host::envelope::{self, poller_behavior, slot_supplier, versioning};
use temporalio_protos::temporal::api::enums::v1::VersioningBehavior;

use crate::error::WorkerError;
use crate::slots::{ResourceSlots, ResourceTargets};

const DEFAULT_SLOTS: usize = 100;
const DEFAULT_FETCHING_CONCURRENCY: usize = 5;
const DEFAULT_LOCAL_TIMEOUT_BUFFER: Duration = Duration::from_secs(5);

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Namespace, never empty.
    pub namespace: String,
    /// Task queue.
    pub task_queue: String,
    /// Replaces the client's identity.
    pub identity_override: Option<String>,
    /// Runs kept between tasks; 0: none, and no sticky queue (spec 1.10.3).
    pub max_cached_workflows: usize,
    /// Where the slots of each kind come from.
    pub slots: SlotSources,
    /// How workflow tasks are polled for; absent: decided by the namespace (spec 6.1.1).
    pub workflow_pollers: Option<PollerBehavior>,
    /// How activity tasks are polled for.
    pub activity_pollers: Option<PollerBehavior>,
    /// How Nexus tasks are polled for.
    pub nexus_pollers: Option<PollerBehavior>,
    /// Share of the workflow pollers that poll the normal queue (spec 6.1.2).
    pub nonsticky_to_sticky_poll_ratio: f64,
    /// What the worker takes.
    pub task_types: TaskTypes,
    /// How long a task may wait in the sticky queue.
    pub sticky_schedule_to_start_timeout: Duration,
    /// Longest time between two heartbeats of an activity (spec 3.4.1).
    pub max_heartbeat_throttle_interval: Duration,
    /// Time between heartbeats of an activity without a heartbeat time-out.
    pub default_heartbeat_throttle_interval: Duration,
    /// Activities begun per second by this worker.
    pub max_activities_per_second: Option<f64>,
    /// Activities per second of the whole task queue, told to the service with each poll.
    pub max_task_queue_activities_per_second: Option<f64>,
    /// Eager activities asked for per workflow task (spec 3.3.1).
    pub max_eager_activities: usize,
    /// After this time activities are cancelled at shutdown; absent: never.
    pub graceful_shutdown_period: Option<Duration>,
    /// Nondeterminism fails the workflow, of any type.
    pub nondeterminism_fails_workflow: bool,
    /// Nondeterminism fails workflows of these types.
    pub nondeterminism_fails_workflow_types: Vec<String>,
    /// What this worker's version is called (spec 8.1).
    pub versioning: Versioning,
    /// Names of plugins, for worker heartbeats.
    pub plugins: Vec<String>,
    /// Types of storage drivers, for worker heartbeats.
    pub storage_drivers: Vec<String>,
    /// Oversized payloads are left to the service to refuse.
    pub disable_payload_error_limit: bool,
    /// Workers of the same queue and types may register (spec 9.2.1).
    pub skip_registration_check: bool,
    /// Shutdown does not wait for evictions.
    pub ignore_evicts_on_shutdown: bool,
    /// Histories fetched at the same time (spec 1.3.9).
    pub fetching_concurrency: usize,
    /// Added to an activity's time-outs when they are tracked here (spec 3.2.1).
    pub local_timeout_buffer: Duration,
}

/// The slot supplier of each kind.
#[derive(Clone, Debug)]
pub struct SlotSources {
    /// Of workflow tasks.
    pub workflow: SlotSource,
    /// Of activity tasks.
    pub activity: SlotSource,
    /// Of local activities.
    pub local_activity: SlotSource,
    /// Of Nexus tasks.
    pub nexus: SlotSource,
    /// For the kinds that depend on the machine's load; absent if none does.
    pub resource_targets: Option<ResourceTargets>,
}

/// Where slots come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotSource {
    /// That many.
    Fixed(usize),
    /// The host's supplier.
    Custom,
    /// As long as the machine is not too busy.
    ResourceBased(ResourceSlots),
}

/// How many polls run at a time (spec 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollerBehavior {
    /// Always that many.
    SimpleMaximum(usize),
    /// As the service advises, within bounds.
    Autoscaling {
        /// Never fewer.
        minimum: usize,
        /// Never more.
        maximum: usize,
        /// At the start.
        initial: usize,
    },
}

/// Which tasks the worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTypes {
    /// Workflow tasks.
    pub workflows: bool,
    /// Local activities.
    pub local_activities: bool,
    /// Activity tasks.
    pub remote_activities: bool,
    /// Nexus tasks.
    pub nexus: bool,
}

/// The worker's version (spec 8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// A build id that is only told, maybe empty.
    None {
        /// Build id.
        build_id: String,
    },
    /// Worker deployments.
    Deployment {
        /// Deployment name.
        deployment_name: String,
        /// Build id.
        build_id: String,
        /// Tasks are routed by version.
        use_worker_versioning: bool,
        /// For workflows that say nothing.
        default_behavior: Option<VersioningBehavior>,
    },
    /// Versioning by build ids alone.
    LegacyBuildId {
        /// Build id.
        build_id: String,
    },
}

impl Config {
    /// Check a configuration as it came.
    pub fn new(config: envelope::WorkerConfig) -> Result<Self, WorkerError> {
        let checked = Self::convert(config);
        checked.check().map_err(|text| WorkerError::InvalidConfig(text.to_owned()))?;
        Ok(checked)
    }

    /// The configuration of a replay worker: workflows only, one at a time (spec 12.1).
    pub fn for_replay(mut config: envelope::WorkerConfig) -> Result<Self, WorkerError> {
        config.max_cached_workflows = 1;
        config.workflow_pollers = None;
        (config.enable_workflows, config.enable_local_activities) = (true, false);
        (config.enable_remote_activities, config.enable_nexus) = (false, false);
        config.skip_client_worker_set_check = true;
        let mut checked = Self::new(config)?;
        checked.slots.workflow = SlotSource::Fixed(DEFAULT_SLOTS);
        Ok(checked)
    }

    /// Caching is on, and with it the sticky queue.
    pub fn caches(&self) -> bool {
        self.max_cached_workflows > 0
    }

    /// Permits for workflow tasks never exceed this (spec 1.10.4).
    pub fn workflow_permit_limit(&self) -> Option<usize> {
        self.caches().then(|| self.max_cached_workflows.max(2))
    }

    fn convert(config: envelope::WorkerConfig) -> Self {
        Self {
            slots: SlotSources::convert(&config),
            workflow_pollers: config.workflow_pollers.as_ref().and_then(PollerBehavior::convert),
            activity_pollers: config.activity_pollers.as_ref().and_then(PollerBehavior::convert),
            nexus_pollers: config.nexus_pollers.as_ref().and_then(PollerBehavior::convert),
            task_types: TaskTypes {
                workflows: config.enable_workflows,
                local_activities: config.enable_local_activities,
                remote_activities: config.enable_remote_activities,
                nexus: config.enable_nexus,
            },
            versioning: Versioning::convert(config.versioning),
            namespace: config.namespace,
            task_queue: config.task_queue,
            identity_override: Some(config.identity_override).filter(|identity| !identity.is_empty()),
            max_cached_workflows: config.max_cached_workflows as usize,
            nonsticky_to_sticky_poll_ratio: config.nonsticky_to_sticky_poll_ratio,
            sticky_schedule_to_start_timeout: Duration::from_nanos(config.sticky_queue_schedule_to_start_timeout_ns),
            max_heartbeat_throttle_interval: Duration::from_nanos(config.max_heartbeat_throttle_interval_ns),
            default_heartbeat_throttle_interval: Duration::from_nanos(config.default_heartbeat_throttle_interval_ns),
            max_activities_per_second: config.max_activities_per_second,
            max_task_queue_activities_per_second: config.max_task_queue_activities_per_second,
            max_eager_activities: config.max_eager_activity_reservations_per_workflow_task as usize,
            graceful_shutdown_period: config.graceful_shutdown_period_ns.map(Duration::from_nanos),
            nondeterminism_fails_workflow: config.nondeterminism_as_workflow_fail,
            nondeterminism_fails_workflow_types: config.nondeterminism_as_workflow_fail_for_types,
            plugins: config.plugins,
            storage_drivers: config.storage_drivers,
            disable_payload_error_limit: config.disable_payload_error_limit,
            skip_registration_check: config.skip_client_worker_set_check,
            ignore_evicts_on_shutdown: config.ignore_evicts_on_shutdown,
            fetching_concurrency: match config.fetching_concurrency {
                0 => DEFAULT_FETCHING_CONCURRENCY,
                given => given as usize,
            },
            local_timeout_buffer: match config.local_timeout_buffer_ns {
                0 => DEFAULT_LOCAL_TIMEOUT_BUFFER,
                given => Duration::from_nanos(given),
            },
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        self.task_types.check()?;
        for behavior in [self.workflow_pollers, self.activity_pollers, self.nexus_pollers].into_iter().flatten() {
            behavior.check()?;
        }
        if self.max_activities_per_second.is_some_and(|rate| !rate.is_normal() || rate.is_sign_negative()) {
            return Err("`max_worker_activities_per_second` must be positive and nonzero");
        }
        if self.caches() && matches!(self.workflow_pollers, Some(PollerBehavior::SimpleMaximum(..2))) {
            return Err("`max_cached_workflows` > 0 requires `workflow_task_poller_behavior` to be at least 2");
        }
        self.versioning.check()
    }
}

impl SlotSources {
    fn convert(config: &envelope::WorkerConfig) -> Self {
        Self {
            workflow: SlotSource::convert(config.workflow_slots.as_ref()),
            activity: SlotSource::convert(config.activity_slots.as_ref()),
            local_activity: SlotSource::convert(config.local_activity_slots.as_ref()),
            nexus: SlotSource::convert(config.nexus_slots.as_ref()),
            resource_targets: resource_targets(config),
        }
    }
}

/// Those of the first kind that depends on the machine's load: the host sees to it that all are the same (spec 7.11).
fn resource_targets(config: &envelope::WorkerConfig) -> Option<ResourceTargets> {
    let suppliers = [&config.workflow_slots, &config.activity_slots, &config.local_activity_slots, &config.nexus_slots];
    suppliers.into_iter().flatten().find_map(|supplier| match &supplier.kind {
        Some(slot_supplier::Kind::ResourceBased(slots)) => {
            Some(ResourceTargets { memory: slots.target_memory_usage, cpu: slots.target_cpu_usage })
        }
        _ => None,
    })
}

impl SlotSource {
    fn convert(supplier: Option<&envelope::SlotSupplier>) -> Self {
        match supplier.and_then(|supplier| supplier.kind.as_ref()) {
            None => Self::Fixed(DEFAULT_SLOTS),
            Some(slot_supplier::Kind::Fixed(slots)) => Self::Fixed(*slots as usize),
            Some(slot_supplier::Kind::Custom(_)) => Self::Custom,
            Some(slot_supplier::Kind::ResourceBased(slots)) => Self::ResourceBased(ResourceSlots {
                minimum: slots.minimum as usize,
                maximum: slots.maximum as usize,
                ramp_throttle: Duration::from_nanos(slots.ramp_throttle_ns),
            }),
        }
    }
}

impl PollerBehavior {
    /// The behaviour in effect, now that the namespace is known or is not going to be (spec 6.1.1).
    pub fn resolve(configured: Option<Self>, auto_enroll: bool) -> Self {
        match configured {
            Some(behavior) => behavior,
            None if auto_enroll => Self::Autoscaling { minimum: 1, maximum: 100, initial: 5 },
            None => Self::SimpleMaximum(5),
        }
    }

    /// The share of the normal and of the sticky queue (spec 6.1.2).
    pub fn split(self, ratio: f64) -> (Self, Self) {
        let Self::SimpleMaximum(maximum) = self else { return (self, self) };
        let normal = ((maximum as f64 * ratio) as usize).max(1);
        let sticky = maximum.saturating_sub(normal).max(1);
        (Self::SimpleMaximum(normal), Self::SimpleMaximum(sticky))
    }

    fn convert(behavior: &envelope::PollerBehavior) -> Option<Self> {
        Some(match behavior.kind.as_ref()? {
            poller_behavior::Kind::SimpleMaximum(maximum) => Self::SimpleMaximum(*maximum as usize),
            poller_behavior::Kind::Autoscaling(scaling) => Self::Autoscaling {
                minimum: scaling.minimum as usize,
                maximum: scaling.maximum as usize,
                initial: scaling.initial as usize,
            },
        })
    }

    const fn check(self) -> Result<(), &'static str> {
        match self {
            Self::SimpleMaximum(0) => Err("SimpleMaximum poller behavior must be at least 1"),
            Self::SimpleMaximum(_) => Ok(()),
            Self::Autoscaling { minimum: 0, .. } => Err("Autoscaling minimum poller behavior must be at least 1"),
            Self::Autoscaling { minimum, maximum, .. } if maximum < minimum => {
                Err("Autoscaling maximum must be greater than or equal to minimum")
            }
            Self::Autoscaling { minimum, maximum, initial } if initial < minimum || initial > maximum => {
                Err("Autoscaling initial must be between minimum and maximum")
            }
            Self::Autoscaling { .. } => Ok(()),
        }
    }
}

impl TaskTypes {
    /// Both would take tasks of the same kind.
    pub const fn overlaps(self, other: Self) -> bool {
        (self.workflows && other.workflows)
            || (self.remote_activities && other.remote_activities)
            || (self.nexus && other.nexus)
    }

    const fn check(self) -> Result<(), &'static str> {
        if !(self.workflows || self.local_activities || self.remote_activities || self.nexus) {
            return Err("At least one task type must be enabled in `task_types`");
        }
        if self.local_activities && !self.workflows {
            return Err("`task_types` cannot enable local activities without workflows");
        }
        Ok(())
    }
}

impl Versioning {
    /// The build id, maybe empty.
    pub fn build_id(&self) -> &str {
        match self {
            Self::None { build_id } | Self::Deployment { build_id, .. } | Self::LegacyBuildId { build_id } => build_id,
        }
    }

    /// Deployment name and build id, unless both are empty (spec 8.6).
    pub fn deployment_version(&self) -> Option<(String, String)> {
        let name = match self {
            Self::Deployment { deployment_name, .. } => deployment_name.clone(),
            Self::None { .. } | Self::LegacyBuildId { .. } => String::new(),
        };
        let version = (name, self.build_id().to_owned());
        (version != Default::default()).then_some(version)
    }

    fn convert(versioning: Option<envelope::Versioning>) -> Self {
        match versioning.and_then(|versioning| versioning.kind) {
            None => Self::None { build_id: String::new() },
            Some(versioning::Kind::None(build_id)) => Self::None { build_id },
            Some(versioning::Kind::LegacyBuildId(build_id)) => Self::LegacyBuildId { build_id },
            Some(versioning::Kind::Deployment(deployment)) => Self::Deployment {
                default_behavior: VersioningBehavior::try_from(deployment.default_versioning_behavior)
                    .ok()
                    .filter(|behavior| *behavior != VersioningBehavior::Unspecified),
                deployment_name: deployment.deployment_name,
                build_id: deployment.build_id,
                use_worker_versioning: deployment.use_worker_versioning,
            },
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Deployment { deployment_name, build_id, use_worker_versioning: true, .. }
                if build_id.is_empty() || deployment_name.is_empty() =>
            {
                Err("WorkerDeploymentVersion must have a non-empty build_id and deployment_name when deployment-based \
                     versioning is enabled")
            }
            Self::Deployment { use_worker_versioning: false, default_behavior: Some(_), .. } => {
                Err("default_versioning_behavior must be None when use_worker_versioning is false")
            }
            Self::LegacyBuildId { build_id } if build_id.is_empty() => {
                Err("Legacy build id-based versioning must have a non-empty build_id")
            }
            _ => Ok(()),
        }
    }
}
