//! What an owner's files are called.

use std::fmt::Write as _;

use otel_core::component::Owner;
use ring::digest::{SHA256, digest};

/// So many bytes leave room for what is added to names, within the 255 of file systems.
const LONGEST: usize = 230;

/// The name that the Go collector gives to an owner's file: `<kind>_<type>_<name>`, and `_<what>` where the component has
/// several. What is not safe in a path is written as `~` and its number.
pub(super) fn of(owner: &Owner) -> String {
    let mut raw = format!("{}_{}_{}", owner.kind, owner.id.type_name(), owner.id.name());
    if !owner.name.is_empty() {
        raw.push('_');
        raw.push_str(&owner.name);
    }
    let mut name = String::with_capacity(raw.len());
    for character in raw.chars() {
        if character.is_ascii_alphanumeric() || ".-_".contains(character) {
            name.push(character);
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, "~{:04X}", u32::from(character));
        }
    }
    if name.len() > LONGEST { hash(&name) } else { name }
}

fn hash(name: &str) -> String {
    digest(&SHA256, name.as_bytes()).as_ref().iter().fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}
