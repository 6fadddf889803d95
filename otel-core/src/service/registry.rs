//! Which component types a collector knows.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::component::{
    ComponentConfig, ComponentKind, Connector, ConnectorFactory, Emits, Exporter, ExporterFactory,
    ExtensionFactory, Processor, ProcessorFactory, Receiver, ReceiverFactory, Stability,
};
use crate::config::gates::FeatureGates;
use crate::config::{Decode, Decoder, FromNode, Node, Schema, Value};
use crate::engine::{Create, ExtensionBox};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

/// Component types by kind and name, for configurations to refer to. Nothing registers itself: code fills a registry,
/// and what a component supports is checked when that code is compiled.
///
/// ```
/// # use otel_core::config::{Decode, Fields};
/// # use otel_core::component::*;
/// # use otel_core::pdata::Signal;
/// # use otel_core::service::Registry;
/// # #[derive(Debug, Default)] struct TailConfig;
/// # impl Decode for TailConfig { fn decode(&mut self, _: &mut Fields<'_>) {} }
/// # impl ComponentConfig for TailConfig { const TYPE: &'static str = "tail"; }
/// # impl<S: Signal> ProcessorFactory<S> for TailConfig {
/// #     fn create(&self, _: &Host) -> Result<Box<dyn Processor<S>>, BuildError> { Err(BuildError::new("")) }
/// # }
/// let mut registry = Registry::new();
/// registry.processor::<TailConfig>().traces().logs();
/// assert_eq!(registry.types(ComponentKind::Processor).collect::<Vec<_>>(), ["tail"]);
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    entries: BTreeMap<(ComponentKind, &'static str), Entry>,
    retired_extensions: BTreeMap<&'static str, &'static str>,
    gates: FeatureGates,
}

impl Registry {
    /// A registry without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receiver; say next which signals it emits.
    pub fn receiver<C: ReceiverFactory + Decode>(&mut self) -> ReceiverRegistration<'_, C> {
        let entry = self.add::<C>(ComponentKind::Receiver);
        entry.make::<dyn Receiver>(|config| {
            let config = typed::<C>(config);
            Arc::new(move |host| config.create(host))
        });
        ReceiverRegistration { entry, config: PhantomData }
    }

    /// Adds a processor; say next which signals it processes.
    pub fn processor<C: ComponentConfig + Decode>(&mut self) -> ProcessorRegistration<'_, C> {
        ProcessorRegistration { entry: self.add::<C>(ComponentKind::Processor), config: PhantomData }
    }

    /// Adds an exporter; say next which signals it exports.
    pub fn exporter<C: ComponentConfig + Decode>(&mut self) -> ExporterRegistration<'_, C> {
        ExporterRegistration { entry: self.add::<C>(ComponentKind::Exporter), config: PhantomData }
    }

    /// Adds a connector; say next which signals it connects.
    pub fn connector<C: ComponentConfig + Decode>(&mut self) -> ConnectorRegistration<'_, C> {
        ConnectorRegistration { entry: self.add::<C>(ComponentKind::Connector), config: PhantomData }
    }

    /// Adds an extension.
    pub fn extension<C: ExtensionFactory + Decode>(&mut self) -> &mut Self {
        self.add::<C>(ComponentKind::Extension).make::<ExtensionBox>(|config| {
            let config = typed::<C>(config);
            Arc::new(move |host| config.create(host).map(Box::new))
        });
        self
    }

    /// Lets configurations name an extension that is gone because nothing needs it any more. It is as if it were not there, but
    /// for a warning: "extension \"name\" is gone: why".
    pub fn retired_extension(&mut self, name: &'static str, why: &'static str) -> &mut Self {
        self.retired_extensions.insert(name, why);
        self
    }

    /// The feature gates with which configurations are read.
    pub fn gates(&self) -> &FeatureGates {
        &self.gates
    }

    /// The feature gates, to register or to set some.
    pub fn gates_mut(&mut self) -> &mut FeatureGates {
        &mut self.gates
    }

    /// What is known of the types of a kind, in alphabetical order.
    pub fn components(&self, kind: ComponentKind) -> impl Iterator<Item = ComponentInfo> {
        let of_kind = self.entries.iter().filter(move |((of, _), _)| *of == kind);
        of_kind.map(|((_, name), entry)| ComponentInfo {
            name,
            aliases: entry.aliases,
            module: entry.module,
            stability: entry.stability,
            uses: entry.uses(),
        })
    }

    /// The extensions that are gone, and why.
    pub(super) fn retired_extensions(&self) -> &BTreeMap<&'static str, &'static str> {
        &self.retired_extensions
    }

    /// What the configuration of each type of a kind may say, with the type's name and older spellings.
    pub(super) fn schemas(&self, kind: ComponentKind) -> impl Iterator<Item = (Vec<&'static str>, Schema)> {
        let of_kind = self.entries.iter().filter(move |((of, _), _)| *of == kind);
        of_kind.map(|((_, name), entry)| {
            (std::iter::once(*name).chain(entry.aliases.iter().copied()).collect(), (entry.schema)())
        })
    }

    /// The types of a kind in alphabetical order, without their older spellings.
    pub fn types(&self, kind: ComponentKind) -> impl Iterator<Item = &'static str> {
        self.entries
            .range((kind, "")..)
            .take_while(move |((of, _), _)| *of == kind)
            .map(|((_, name), _)| *name)
    }

    /// The entry of a type or of one of its older spellings, and the type.
    pub(super) fn find(&self, kind: ComponentKind, name: &str) -> Option<(&'static str, &Entry)> {
        let mut known = self.types(kind).filter_map(|of| self.entries.get_key_value(&(kind, of)));
        known
            .find(|((_, of), entry)| *of == name || entry.aliases.contains(&name))
            .map(|((_, of), entry)| (*of, entry))
    }

    /// An entry of that type replaces an earlier one.
    fn add<C: ComponentConfig + Decode>(&mut self, kind: ComponentKind) -> &mut Entry {
        let entry = Entry {
            aliases: C::ALIASES,
            module: module_of::<C>(),
            stability: C::STABILITY,
            decode: |node, decoder| {
                let mut config = decoder.component::<C>(node)?;
                let value = config.value();
                Some(Decoded { config: Arc::new(config), value })
            },
            schema: C::schema,
            makes: HashMap::new(),
            emits: Vec::new(),
        };
        self.entries.insert((kind, C::TYPE), entry);
        self.entries.get_mut(&(kind, C::TYPE)).expect("the entry was just added")
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.keys().map(|(kind, name)| format!("{kind} {name}"))).finish()
    }
}

/// What a [`Registry`] knows of a component type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComponentInfo {
    /// The type, as configurations name it.
    pub name: &'static str,
    /// Older spellings that still load.
    pub aliases: &'static [&'static str],
    /// The module of the code.
    pub module: &'static str,
    /// How much it may still change.
    pub stability: Stability,
    /// What it can be used for: signals, `logs-to-metrics` and the like for a connector, `extension`.
    pub uses: Vec<String>,
}

/// A decoded configuration of a type that its entry knows.
pub(super) type Config = Arc<dyn Any + Send + Sync>;

/// A component's configuration, and what to print of it.
pub(super) struct Decoded {
    pub(super) config: Config,
    pub(super) value: Value,
}

/// A component type.
#[derive(Clone)]
pub(super) struct Entry {
    aliases: &'static [&'static str],
    module: &'static str,
    stability: Stability,
    pub(super) decode: fn(&Node, &mut Decoder) -> Option<Decoded>,
    schema: fn() -> Schema,
    /// `Make<T>` by `T`, such as `dyn Processor<Traces>`.
    makes: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    emits: Vec<SignalKind>,
}

type Make<T> = fn(&Config) -> Create<T>;

impl Entry {
    fn make<T: ?Sized + 'static>(&mut self, make: Make<T>) {
        self.makes.insert(TypeId::of::<T>(), Arc::new(make));
    }

    /// What creates a `T` of the configuration, if the type has it.
    pub(super) fn create<T: ?Sized + 'static>(&self, config: &Config) -> Option<Create<T>> {
        let make = self.makes.get(&TypeId::of::<T>())?.downcast_ref::<Make<T>>()?;
        Some(make(config))
    }

    pub(super) fn supports<T: ?Sized + 'static>(&self) -> bool {
        self.makes.contains_key(&TypeId::of::<T>())
    }

    pub(super) fn emits(&self, signal: SignalKind) -> bool {
        self.emits.contains(&signal)
    }

    /// What the component can be used for, in alphabetical order.
    fn uses(&self) -> Vec<String> {
        let mut uses: Vec<String> = self.emits.iter().map(ToString::to_string).collect();
        self.uses_with::<Logs>(&mut uses);
        self.uses_with::<Metrics>(&mut uses);
        self.uses_with::<Traces>(&mut uses);
        if self.supports::<ExtensionBox>() {
            uses.push("extension".to_owned());
        }
        uses.sort();
        uses
    }

    fn uses_with<S: Signal>(&self, uses: &mut Vec<String>) {
        if self.supports::<dyn Processor<S>>() || self.supports::<dyn Exporter<S>>() {
            uses.push(S::KIND.to_string());
        }
        let connects = [
            (self.supports::<dyn Connector<S, Logs>>(), Logs::KIND),
            (self.supports::<dyn Connector<S, Metrics>>(), Metrics::KIND),
            (self.supports::<dyn Connector<S, Traces>>(), Traces::KIND),
        ];
        let connects = connects.into_iter().filter(|(connects, _)| *connects);
        uses.extend(connects.map(|(_, to)| format!("{}-to-{to}", S::KIND)));
    }
}

/// The module of a component: the crate and the folder of its configuration's type.
fn module_of<C>() -> &'static str {
    let name = std::any::type_name::<C>();
    let end = name.match_indices("::").nth(1).map_or(name.len(), |(at, _)| at);
    &name[..end]
}

fn typed<C: Send + Sync + 'static>(config: &Config) -> Arc<C> {
    Arc::clone(config).downcast().expect("an entry creates from what it decoded")
}

/// Which signals a receiver emits.
#[derive(Debug)]
pub struct ReceiverRegistration<'r, C> {
    entry: &'r mut Entry,
    config: PhantomData<fn() -> C>,
}

impl<C: ReceiverFactory> ReceiverRegistration<'_, C> {
    /// It emits this signal.
    pub fn signal<S: Signal>(self) -> Self
    where
        C: Emits<S>,
    {
        self.entry.emits.push(S::KIND);
        self
    }
}

/// Which signals a processor processes.
#[derive(Debug)]
pub struct ProcessorRegistration<'r, C> {
    entry: &'r mut Entry,
    config: PhantomData<fn() -> C>,
}

impl<C: Send + Sync + 'static> ProcessorRegistration<'_, C> {
    /// It processes this signal.
    pub fn signal<S: Signal>(self) -> Self
    where
        C: ProcessorFactory<S>,
    {
        self.entry.make::<dyn Processor<S>>(|config| {
            let config = typed::<C>(config);
            Arc::new(move |host| config.create(host))
        });
        self
    }
}

/// Which signals an exporter exports.
#[derive(Debug)]
pub struct ExporterRegistration<'r, C> {
    entry: &'r mut Entry,
    config: PhantomData<fn() -> C>,
}

impl<C: Send + Sync + 'static> ExporterRegistration<'_, C> {
    /// It exports this signal.
    pub fn signal<S: Signal>(self) -> Self
    where
        C: ExporterFactory<S>,
    {
        self.entry.make::<dyn Exporter<S>>(|config| {
            let config = typed::<C>(config);
            Arc::new(move |host| config.create(host))
        });
        self
    }
}

/// Which signals a connector connects.
#[derive(Debug)]
pub struct ConnectorRegistration<'r, C> {
    entry: &'r mut Entry,
    config: PhantomData<fn() -> C>,
}

impl<C: Send + Sync + 'static> ConnectorRegistration<'_, C> {
    /// It connects these signals.
    pub fn connects<In: Signal, Out: Signal>(self) -> Self
    where
        C: ConnectorFactory<In, Out>,
    {
        self.entry.make::<dyn Connector<In, Out>>(|config| {
            let config = typed::<C>(config);
            Arc::new(move |host| config.create(host))
        });
        self
    }
}

/// `by_name!` adds `traces()`, `metrics()` and `logs()` as short forms of `signal::<…>()`.
macro_rules! by_name {
    ($registration:ident, $factory:ident, $($bound:path)?) => {
        impl<C: $($bound)?> $registration<'_, C> {
            /// Traces.
            pub fn traces(self) -> Self where C: $factory<Traces> {
                self.signal::<Traces>()
            }

            /// Metrics.
            pub fn metrics(self) -> Self where C: $factory<Metrics> {
                self.signal::<Metrics>()
            }

            /// Logs.
            pub fn logs(self) -> Self where C: $factory<Logs> {
                self.signal::<Logs>()
            }
        }
    };
}

by_name!(ReceiverRegistration, Emits, ReceiverFactory);
by_name!(ProcessorRegistration, ProcessorFactory, ComponentConfig);
by_name!(ExporterRegistration, ExporterFactory, ComponentConfig);

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("aliases", &self.aliases).finish_non_exhaustive()
    }
}
