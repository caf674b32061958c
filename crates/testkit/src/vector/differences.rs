//! Differences between two messages, field by field: maps unordered, all else ordered.

use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value};

use super::masks::Masks;

static DESCRIPTORS: &[u8] = include_bytes!(env!("TEMPORAL_DESCRIPTORS"));
const SHOWN: usize = 300;

/// Decodes a message by its full name, e.g. `coresdk.workflow_activation.WorkflowActivation`.
///
/// # Errors
/// What is wrong with the bytes.
///
/// # Panics
/// If there is no message of that name.
pub fn message(name: &str, bytes: &[u8]) -> Result<DynamicMessage, String> {
    DynamicMessage::decode(descriptor(name), bytes).map_err(|error| format!("{name}: {error}"))
}

pub(super) fn descriptor(name: &str) -> MessageDescriptor {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool =
        POOL.get_or_init(|| DescriptorPool::decode(DESCRIPTORS).expect("temporalio-protos writes sound descriptors"));
    pool.get_message_by_name(name).unwrap_or_else(|| panic!("no message is named {name}"))
}

/// Every unmasked difference, in field order, as `path: native ..., corewasm ...`.
pub fn differences(native: &DynamicMessage, ours: &DynamicMessage, masks: &Masks) -> Vec<String> {
    let mut comparison = Comparison { masks, found: Vec::new() };
    comparison.messages(native, ours, &Path::default());
    comparison.found
}

/// Where a field is: with indexes to show, without to look up masks.
#[derive(Clone, Default)]
struct Path {
    shown: String,
    plain: String,
}

impl Path {
    fn field(&self, name: &str) -> Self {
        let dot = if self.plain.is_empty() { "" } else { "." };
        Self { shown: format!("{}{dot}{name}", self.shown), plain: format!("{}{dot}{name}", self.plain) }
    }

    fn at(&self, index: &str) -> Self {
        Self { shown: format!("{}[{index}]", self.shown), plain: self.plain.clone() }
    }
}

struct Comparison<'a> {
    masks: &'a Masks,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn messages(&mut self, native: &DynamicMessage, ours: &DynamicMessage, path: &Path) {
        for field in native.descriptor().fields() {
            let path = path.field(field.name());
            if !self.masks.covers(&path.plain) {
                self.fields(native, ours, &field, &path);
            }
        }
    }

    fn fields(&mut self, native: &DynamicMessage, ours: &DynamicMessage, field: &FieldDescriptor, path: &Path) {
        let presence = [native, ours].map(|message| message.has_field(field));
        let values = [native, ours].map(|message| message.get_field(field).into_owned());
        if field.supports_presence() && presence[0] != presence[1] {
            let [left, right] = [0, 1].map(|at| if presence[at] { shown(&values[at]) } else { "absent".to_owned() });
            self.add(path, &left, &right);
        } else if presence != [false, false] {
            let [left, right] = values;
            self.values(left, right, path);
        }
    }

    fn values(&mut self, native: Value, ours: Value, path: &Path) {
        match (native, ours) {
            (Value::Message(left), Value::Message(right)) => self.messages(&left, &right, path),
            (Value::List(left), Value::List(right)) => self.lists(left, right, path),
            (Value::Map(left), Value::Map(right)) => {
                let mut keys: Vec<_> = left.keys().chain(right.keys()).map(|key| (format!("{key:?}"), key)).collect();
                keys.sort_by(|a, b| a.0.cmp(&b.0));
                keys.dedup_by(|a, b| a.0 == b.0);
                for (name, key) in keys {
                    self.elements(left.get(key), right.get(key), &path.at(&name));
                }
            }
            (left, right) if left != right => self.add(path, &shown(&left), &shown(&right)),
            _ => {}
        }
    }

    fn lists(&mut self, mut native: Vec<Value>, mut ours: Vec<Value>, path: &Path) {
        if self.masks.is_set(&path.plain) {
            native.sort_by_key(shown);
            ours.sort_by_key(shown);
        }
        for index in 0..native.len().max(ours.len()) {
            self.elements(native.get(index), ours.get(index), &path.at(&index.to_string()));
        }
    }

    fn elements(&mut self, native: Option<&Value>, ours: Option<&Value>, path: &Path) {
        match (native, ours) {
            (Some(left), Some(right)) => self.values(left.clone(), right.clone(), path),
            (left, right) => {
                let [left, right] = [left, right].map(|value| value.map_or_else(|| "absent".to_owned(), shown));
                self.add(path, &left, &right);
            }
        }
    }

    fn add(&mut self, path: &Path, native: &str, ours: &str) {
        self.found.push(format!("{}: native {native}, corewasm {ours}", path.shown));
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    text.char_indices().nth(SHOWN).map_or_else(|| text.clone(), |(end, _)| format!("{}...", &text[..end]))
}
