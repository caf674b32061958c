//! Logs: one record each, made only if the host's filter lets it through.

use corewasm_engine::time::WallTime;
use litemap::LiteMap;
use serde_json::Value;

use crate::{
    Host,
    envelope::{LogFilter, LogLevel, LogRecord, effect},
};

/// How grave a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What happens in the ordinary.
    Info,
    /// What someone should look at.
    Warn,
    /// What failed.
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

/// Pairs of a record, span fields merged over the event's.
pub type LogFields = LiteMap<String, Value>;

/// One log record.
#[derive(Clone, Debug, PartialEq)]
pub struct CoreLog {
    /// The module it comes from, under native Core's names (e.g. `temporalio_sdk_core::worker::workflow`).
    pub target: String,
    /// The text.
    pub message: String,
    /// When it was made.
    pub timestamp: WallTime,
    /// How grave it is.
    pub level: Level,
    /// Arbitrary pairs.
    pub fields: LogFields,
    /// Names of the spans around it, the outermost first.
    pub span_contexts: Vec<String>,
}

impl Host {
    /// Whether a record of this level and target is read by anyone. Ask before building a costly text.
    pub fn log_enabled(&self, level: Level, target: &str) -> bool {
        let wanted = i32::from(LogLevel::from(level));
        self.with_log_filter(|filter| threshold(filter, target).is_some_and(|least| wanted >= least))
    }

    /// Sends a record, if anyone reads it.
    pub fn log(&self, log: CoreLog) {
        if !self.log_enabled(log.level, &log.target) {
            return;
        }
        let record = LogRecord {
            target: log.target,
            message: log.message,
            wall_clock_ns: log.timestamp.as_nanos(),
            level: LogLevel::from(log.level).into(),
            fields: log.fields.into_iter().map(|(key, value)| (key, json(&value)).into()).collect(),
            span_contexts: log.span_contexts,
        };
        self.emit(effect::Kind::Log(record));
    }

    /// [`Level::Debug`] now; see [`Host::event`].
    pub fn debug(&self, target: &str, message: impl Into<String>, fields: &[(&str, Value)]) {
        self.event(Level::Debug, target, message, fields);
    }

    /// [`Level::Info`] now; see [`Host::event`].
    pub fn info(&self, target: &str, message: impl Into<String>, fields: &[(&str, Value)]) {
        self.event(Level::Info, target, message, fields);
    }

    /// [`Level::Warn`] now; see [`Host::event`].
    pub fn warn(&self, target: &str, message: impl Into<String>, fields: &[(&str, Value)]) {
        self.event(Level::Warn, target, message, fields);
    }

    /// [`Level::Error`] now; see [`Host::event`].
    pub fn error(&self, target: &str, message: impl Into<String>, fields: &[(&str, Value)]) {
        self.event(Level::Error, target, message, fields);
    }

    /// Logs an event of this moment, outside any span.
    pub fn event(&self, level: Level, target: &str, message: impl Into<String>, fields: &[(&str, Value)]) {
        if self.log_enabled(level, target) {
            self.log(CoreLog {
                target: target.to_owned(),
                message: message.into(),
                timestamp: self.now().wall,
                level,
                fields: fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
                span_contexts: Vec::new(),
            });
        }
    }
}

fn json(value: &Value) -> String {
    serde_json::to_string(value).expect("a value has a JSON form")
}

/// The least level that passes; none if nothing does.
fn threshold(filter: &LogFilter, target: &str) -> Option<i32> {
    let matching = filter.directives.iter().filter(|directive| target.starts_with(&directive.target));
    let level = matching.max_by_key(|directive| directive.target.len()).map_or(filter.default_level, |it| it.level);
    (level != i32::from(LogLevel::Unspecified) && level < i32::from(LogLevel::Off)).then_some(level)
}
