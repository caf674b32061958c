//! Nexus tasks (spec 5), one file for each behaviour.

mod lifecycle;
mod replies;
mod request_timeout;
