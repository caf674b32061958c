//! What the namespace can do: asked once per connection, shared by its workers (spec 6.5).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use corewasm_host::code;
use temporalio_protos::temporal::api::namespace::v1::namespace_info::{Capabilities, Limits};

use super::ServiceError;
use crate::signal::Signal;

/// What of a DescribeNamespaceResponse is used. Decoding the rest as well would take code for all of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Description {
    /// The namespace itself.
    #[prost(message, optional, tag = "1")]
    pub namespace_info: Option<DescribedNamespace>,
}

/// What of a namespace's NamespaceInfo is used.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribedNamespace {
    /// What it can do.
    #[prost(message, optional, tag = "7")]
    pub capabilities: Option<Capabilities>,
    /// How much it takes.
    #[prost(message, optional, tag = "8")]
    pub limits: Option<Limits>,
}

/// A namespace's description, as far as it is known. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct NamespaceDescription(Rc<State>);

#[derive(Debug, Default)]
struct State {
    known: RefCell<Option<Rc<Description>>>,
    asking: Cell<bool>,
    changed: Signal,
}

/// Lets the next one ask when the one that asks gives up.
struct Asking<'a>(&'a State);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.set(false);
        self.0.changed.notify();
    }
}

impl NamespaceDescription {
    /// The description; `ask` is called if nobody asked with success before. A server without the call has a default
    /// one.
    pub async fn resolve<Asked>(&self, ask: impl FnOnce() -> Asked) -> Result<Rc<Description>, ServiceError>
    where
        Asked: Future<Output = Result<Description, ServiceError>>,
    {
        let state = &*self.0;
        state.changed.until(|| (state.known.borrow().is_some() || !state.asking.replace(true)).then_some(())).await;
        if let Some(known) = state.known.borrow().clone() {
            return Ok(known);
        }
        let _asking = Asking(state);
        let description = match ask().await {
            Err(error) if error.status.code == code::UNIMPLEMENTED => Description::default(),
            answer => answer?,
        };
        let description = Rc::new(description);
        *state.known.borrow_mut() = Some(description.clone());
        Ok(description)
    }

    /// The capabilities as known now; none are if nobody asked.
    pub fn capabilities(&self) -> NamespaceCapabilities {
        let known = self.0.known.borrow();
        let info = known.as_ref().and_then(|description| description.namespace_info.as_ref());
        NamespaceCapabilities {
            capabilities: info.and_then(|info| info.capabilities).unwrap_or_default(),
            limits: info.and_then(|info| info.limits).unwrap_or_default(),
        }
    }
}

/// What a namespace can do.
#[derive(Clone, Debug, Default)]
pub struct NamespaceCapabilities {
    capabilities: Capabilities,
    limits: Limits,
}

impl NamespaceCapabilities {
    /// The server ends polls itself after ShutdownWorker: they need not be cut off (spec 6.6.1).
    pub fn graceful_poll_shutdown(&self) -> bool {
        self.capabilities.worker_poll_complete_on_shutdown
    }

    /// An empty poll without a decision means "poll less" (spec 6.3.1).
    pub fn poller_autoscaling(&self) -> bool {
        self.capabilities.poller_autoscaling
    }

    /// Pollers that nobody configured scale (spec 6.1.1).
    pub fn poller_autoscaling_auto_enroll(&self) -> bool {
        self.capabilities.poller_autoscaling_auto_enroll
    }

    /// A completion may come in pages (spec 1.8.13).
    pub fn completion_pagination(&self) -> bool {
        self.capabilities.workflow_task_completion_pagination
    }

    /// The largest sum of the commands of such a completion, in bytes.
    pub fn completion_size_limit(&self) -> Option<usize> {
        usize::try_from(self.limits.workflow_task_completion_size_limit_error).ok().filter(|limit| *limit > 0)
    }

    /// The limits, for lang.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}
