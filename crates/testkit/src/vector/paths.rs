//! Where messages of one type are in those of another.

use prost_reflect::{Kind, MessageDescriptor};

use super::differences::descriptor;

/// The numbers of the fields that lead from one message to another, in the order of the numbers. What lies inside the
/// other one, or inside itself, is left out.
///
/// # Panics
/// If there is no message of that name.
pub fn paths_to(from: &str, to: &str) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    collect(&descriptor(from), to, &mut vec![from.to_owned()], &[], &mut found);
    found
}

fn collect(message: &MessageDescriptor, to: &str, around: &mut Vec<String>, way: &[u32], found: &mut Vec<Vec<u32>>) {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|field| field.number());
    for field in fields {
        let Kind::Message(inner) = field.kind() else { continue };
        let path = [way, &[field.number()]].concat();
        if inner.full_name() == to {
            found.push(path);
        } else if !around.iter().any(|name| name == inner.full_name()) {
            around.push(inner.full_name().to_owned());
            collect(&inner, to, around, &path, found);
            around.pop();
        }
    }
}
