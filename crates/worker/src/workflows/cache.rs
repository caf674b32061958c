//! The runs that are kept, in the order of their last use (spec 1.10.1).

use corewasm_engine::Run;
use corewasm_engine::time::Instant;
use corewasm_host::Task;
use futures::channel::oneshot;
use litemap::LiteMap;

use super::slow_task::TaskStorage;

/// A run and what the worker keeps beside it.
pub(super) struct CachedRun {
    pub(super) run: Run,
    /// The timer of a task that waits for local activities; aborted when replaced.
    pub(super) heartbeat: Option<Task>,
    /// Lang waits for its completion to be dealt with.
    pub(super) waiting_completion: Option<WaitingCompletion>,
    /// When the newest completion was decided: up to there a task's latency counts.
    pub(super) decided_at: Instant,
    /// What lang said with that completion of payloads stored elsewhere.
    pub(super) storage: TaskStorage,
    /// When the newest task was applied.
    pub(super) task_at: Instant,
    last_used: u64,
}

/// Lang's completion on its way through the run.
pub(super) struct WaitingCompletion {
    /// Told when the completion was dealt with.
    pub(super) done: oneshot::Sender<()>,
    pub(super) storage: TaskStorage,
}

impl CachedRun {
    pub(super) fn new(run: Run, now: Instant) -> Self {
        Self {
            run,
            heartbeat: None,
            waiting_completion: None,
            decided_at: now,
            storage: TaskStorage::default(),
            task_at: now,
            last_used: 0,
        }
    }

    pub(super) fn set_heartbeat(&mut self, timer: Option<Task>) {
        if let Some(earlier) = std::mem::replace(&mut self.heartbeat, timer) {
            earlier.abort();
        }
    }
}

/// Least recently used first out.
pub(super) struct RunCache {
    runs: LiteMap<String, Box<CachedRun>>,
    by_use: LiteMap<u64, String>,
    uses: u64,
    capacity: usize,
}

impl RunCache {
    /// A cache of at least one run: even without caching a run lives as long as its task.
    pub(super) fn new(max_cached_workflows: usize) -> Self {
        Self { runs: LiteMap::new(), by_use: LiteMap::new(), uses: 0, capacity: max_cached_workflows.max(1) }
    }

    /// The run; it counts as used now.
    pub(super) fn get_mut(&mut self, run_id: &str) -> Option<&mut CachedRun> {
        let cached = self.runs.get_mut(run_id)?;
        self.by_use.remove(&cached.last_used);
        self.uses += 1;
        cached.last_used = self.uses;
        self.by_use.insert(self.uses, run_id.to_owned());
        Some(cached)
    }

    pub(super) fn insert(&mut self, run_id: &str, mut cached: CachedRun) {
        self.uses += 1;
        cached.last_used = self.uses;
        self.by_use.insert(self.uses, run_id.to_owned());
        self.runs.insert(run_id.to_owned(), Box::new(cached));
    }

    pub(super) fn remove(&mut self, run_id: &str) -> Option<CachedRun> {
        let mut cached = *self.runs.remove(run_id)?;
        self.by_use.remove(&cached.last_used);
        cached.set_heartbeat(None);
        Some(cached)
    }

    pub(super) fn contains(&self, run_id: &str) -> bool {
        self.runs.contains_key(run_id)
    }

    pub(super) fn is_full(&self) -> bool {
        self.runs.len() >= self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Every run, the least recently used one first.
    pub(super) fn least_used_first(&self) -> impl Iterator<Item = (&str, &Run)> {
        self.by_use.values().filter_map(|run_id| Some((run_id.as_str(), &self.runs.get(run_id)?.run)))
    }
}
