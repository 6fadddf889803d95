//! The JSON Schema of every configuration that a registry can read.

use super::description::{ServiceConfig, section_name};
use super::registry::Registry;
use crate::component::ComponentKind;
use crate::config::{FromNode as _, Schema};

const KINDS: [ComponentKind; 5] = [
    ComponentKind::Receiver,
    ComponentKind::Processor,
    ComponentKind::Exporter,
    ComponentKind::Connector,
    ComponentKind::Extension,
];

impl Registry {
    /// What a configuration with these components may say, as JSON Schema (draft 7), for editors.
    ///
    /// It is made of the types that read configurations, so the two agree; rules between keys are not in it.
    pub fn schema(&self) -> serde_json::Value {
        let mut definitions = serde_json::Map::new();
        let sections = KINDS.map(|kind| {
            let section = section_name(kind);
            let ids: Vec<_> = self
                .schemas(kind)
                .map(|(names, schema)| {
                    let name = format!("{section}.{}", names.first().copied().unwrap_or_default());
                    let component = Schema::defined(&name);
                    definitions.insert(name, schema.into_json());
                    (format!("^ *({}) *(/.+)?$", names.join("|")), component)
                })
                .collect();
            let retired = self.retired_extensions().iter().filter(|_| kind == ComponentKind::Extension);
            let retired = retired.map(|(name, why)| {
                (format!("^ *({name}) *(/.+)?$"), Schema::any().deprecated(format!("it is gone: {why}")))
            });
            let ids = Schema::patterns(ids.into_iter().chain(retired));
            (section, ids.described(format!("The {section} by id: their type, or type/name.")))
        });
        let service = ServiceConfig::schema().described("What of that runs, and how it is put together.");
        let keys = sections.into_iter().chain([("service", service)]);
        Schema::keys(keys)
            .with("type", "object")
            .with("$schema", "http://json-schema.org/draft-07/schema#")
            .with("title", "OpenTelemetry Collector configuration")
            .with("definitions", definitions)
            .into_json()
    }
}
