//! The run's side of local activities: asking their executor, taking its answers (spec 1.9.8, 1.13.6, 4).

use super::Run;
use super::completing::InFlightCompletion;
use super::next_step::Step;
use super::outstanding::OutstandingActivation;
use crate::error::Result;
use crate::input::{LocalActivitiesTaken, LocalActivityResolution};
use crate::output::{LocalActivityRequest, RunOutput};

/// What goes on once the executor has answered.
#[derive(Debug)]
pub(super) enum AfterLocalActivities {
    /// Decide the completion.
    Decide(Box<InFlightCompletion>),
    /// Evict, unless lang must hear of cancels first.
    Evict,
}

impl Run {
    /// Sends requests and goes on with the answer; without anything to ask, or anybody, goes on at once.
    pub(super) fn ask_local_activities(&mut self, requests: Vec<LocalActivityRequest>, then: AfterLocalActivities) {
        self.after_local_activities = Some(then);
        if requests.is_empty() || !self.setup.local_activities {
            return self.go_on_after_local_activities(LocalActivitiesTaken::default());
        }
        self.emit(RunOutput::LocalActivities(requests));
    }

    pub(super) fn go_on_after_local_activities(&mut self, taken: LocalActivitiesTaken) {
        let applied =
            taken.resolutions.into_iter().try_for_each(|resolution| self.execution.resolve_or_defer(resolution));
        match (self.after_local_activities.take(), applied) {
            (None, applied) => {
                self.proceed(applied.map(|()| Step::Nothing));
            }
            (Some(AfterLocalActivities::Decide(completion)), Err(error)) => self.fail_in_flight(&completion, error),
            (Some(AfterLocalActivities::Decide(completion)), Ok(())) => {
                self.decide_in_flight(*completion);
                self.evict_if_not_cached();
            }
            (Some(AfterLocalActivities::Evict), Err(error)) => {
                self.proceed(Err(error));
            }
            (Some(AfterLocalActivities::Evict), Ok(())) if taken.undelivered_cancels => {}
            (Some(AfterLocalActivities::Evict), Ok(())) => self.issue_eviction(),
        }
    }

    pub(super) fn take_local_activity_resolution(&mut self, resolution: LocalActivityResolution) {
        let step = self.step_after_resolution(resolution);
        self.proceed(step);
    }

    fn step_after_resolution(&mut self, resolution: LocalActivityResolution) -> Result<Step> {
        if !self.is_about_to_evict() {
            self.execution.resolve_or_defer(resolution)?;
        }
        self.next_step()
    }

    /// Only the eviction is left, held back until lang has heard of cancels. A result that came now would let the
    /// workflow see the cancellation that the eviction itself has caused.
    fn is_about_to_evict(&self) -> bool {
        let is_outstanding = self.activation == Some(OutstandingActivation::Eviction);
        is_outstanding || (self.eviction.is_some() && self.activation.is_none() && !self.has_deliverable_jobs())
    }
}
