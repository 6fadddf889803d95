//! What all signals have: resources and scopes.

use super::message::messages;
use super::{Attributes, Repeated};

messages! {
    /// What produced the telemetry.
    Resource {
        /// What describes the resource, such as `service.name`.
        1 attributes: Attributes<'a>,
        /// How many attributes were dropped before they came here.
        2 dropped_attributes_count: u32,
        /// Entities that the resource takes part in.
        3 entity_refs: Repeated<'a, EntityRef<'a>>,
    }

    /// A reference from a resource to an entity, by keys of the resource's attributes.
    EntityRef {
        /// URL of the schema of the entity's attributes.
        1 schema_url: &'a str,
        /// The kind of entity, such as `service` or `host`.
        2 r#type: &'a str,
        /// The attribute keys that identify it.
        3 id_keys: Repeated<'a, &'a str>,
        /// The attribute keys that describe it.
        4 description_keys: Repeated<'a, &'a str>,
    }

    /// The instrumentation that wrote the telemetry.
    Scope {
        /// Its name, such as a library's.
        1 name: &'a str,
        /// Its version.
        2 version: &'a str,
        /// More that describes it.
        3 attributes: Attributes<'a>,
        /// How many attributes were dropped before they came here.
        4 dropped_attributes_count: u32,
    }
}
