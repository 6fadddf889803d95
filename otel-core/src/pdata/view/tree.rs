//! The layer that the three signals share: resource groups, scope groups, items.

use std::fmt;
use std::marker::PhantomData;

use super::field::Field;
use super::{Attributes, DataPoint, LogRecord, Metric, Resource, Scope, Span};
use crate::pdata::layout::{self, Level};
use crate::pdata::payload::Segment;
use crate::pdata::wire::RawFields;
use crate::pdata::{Metrics, Signal, SignalKind};

/// An item of any signal: what is counted, cut and filtered.
///
/// The trait is sealed: [`Span`], [`LogRecord`] and [`DataPoint`] implement it.
pub trait Item<'a>: FromWire<'a> + Copy + fmt::Debug + Send + Sync {
    /// What describes the item.
    fn attributes(self) -> Attributes<'a>;
}

/// A resource with what it produced: `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
pub struct ResourceGroup<'a, S> {
    bytes: &'a [u8],
    signal: PhantomData<fn() -> S>,
}

/// A scope with its items: `ScopeSpans`, `ScopeMetrics` or `ScopeLogs`.
pub struct ScopeGroup<'a, S> {
    bytes: &'a [u8],
    signal: PhantomData<fn() -> S>,
}

/// An item with where it stands.
pub struct ItemRef<'a, S: Signal> {
    item: S::Item<'a>,
    scope: Scope<'a>,
    resource: Resource<'a>,
    scope_group: ScopeGroup<'a, S>,
    resource_group: ResourceGroup<'a, S>,
}

/// The resource groups of a signal.
pub struct ResourceGroups<'a, S> {
    segments: std::slice::Iter<'a, Segment>,
    fields: RawFields<'a>,
    signal: PhantomData<fn() -> S>,
}

/// The items of a scope group.
pub struct Items<'a, S> {
    children: RawFields<'a>,
    /// For metrics: the one at hand, the field number of its data, and what is left of its points.
    metric: Metric<'a>,
    data: u32,
    points: RawFields<'a>,
    signal: PhantomData<fn() -> S>,
}

impl<'a, S: Signal> ResourceGroup<'a, S> {
    #[inline]
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, signal: PhantomData }
    }

    /// The resource; empty where the group has none.
    #[inline]
    pub fn resource(self) -> Resource<'a> {
        Field::read(self.bytes, layout::RESOURCE)
    }

    /// URL of the schema that the resource follows.
    pub fn schema_url(self) -> &'a str {
        Field::read(self.bytes, layout::SCHEMA_URL)
    }

    /// The scope groups in their order.
    #[inline]
    pub fn scopes(self) -> impl Iterator<Item = ScopeGroup<'a, S>> + Clone {
        RawFields::new(self.bytes)
            .filter(|field| Level::Resource.is_child(field.number))
            .map(|field| ScopeGroup::from_bytes(field.value))
    }

    /// The items of all scopes in their order.
    #[inline]
    pub fn items(self) -> impl Iterator<Item = S::Item<'a>> {
        self.scopes().flat_map(ScopeGroup::items)
    }

    /// The items of all scopes in their order, with where they stand.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = ItemRef<'a, S>> {
        let resource = self.resource();
        self.scopes().flat_map(move |scope_group| {
            let scope = scope_group.scope();
            scope_group.items().map(move |item| ItemRef {
                item,
                scope,
                resource,
                scope_group,
                resource_group: self,
            })
        })
    }
}

impl<'a, S: Signal> ScopeGroup<'a, S> {
    #[inline]
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, signal: PhantomData }
    }

    /// The scope; empty where the group has none.
    #[inline]
    pub fn scope(self) -> Scope<'a> {
        Field::read(self.bytes, layout::SCOPE)
    }

    /// URL of the schema that the scope and the items follow.
    pub fn schema_url(self) -> &'a str {
        Field::read(self.bytes, layout::SCHEMA_URL)
    }

    /// The items in their order: spans, log records or data points.
    #[inline]
    pub fn items(self) -> Items<'a, S> {
        Items {
            children: RawFields::new(self.bytes),
            metric: Metric::default(),
            data: 0,
            points: RawFields::new(&[]),
            signal: PhantomData,
        }
    }

    /// The children, which are metrics or items.
    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a, S: Signal> ItemRef<'a, S> {
    /// Puts an item in its place. The resource and the scope are those of the groups.
    #[inline]
    pub(crate) fn new(
        item: S::Item<'a>,
        (scope_group, scope): (ScopeGroup<'a, S>, Scope<'a>),
        (resource_group, resource): (ResourceGroup<'a, S>, Resource<'a>),
    ) -> Self {
        Self { item, scope, resource, scope_group, resource_group }
    }

    /// The item.
    #[inline]
    pub fn item(&self) -> S::Item<'a> {
        self.item
    }

    /// The scope that the item belongs to.
    #[inline]
    pub fn scope(&self) -> Scope<'a> {
        self.scope
    }

    /// The resource that the item belongs to.
    #[inline]
    pub fn resource(&self) -> Resource<'a> {
        self.resource
    }

    /// The scope with its schema URL and its other items.
    #[inline]
    pub fn scope_group(&self) -> ScopeGroup<'a, S> {
        self.scope_group
    }

    /// The resource with its schema URL and all that it produced.
    #[inline]
    pub fn resource_group(&self) -> ResourceGroup<'a, S> {
        self.resource_group
    }
}

impl<'a> ItemRef<'a, Metrics> {
    /// The metric that the data point belongs to.
    #[inline]
    pub fn metric(&self) -> Metric<'a> {
        self.item.metric()
    }
}

impl<'a, S> ResourceGroups<'a, S> {
    #[inline]
    pub(crate) fn new(segments: &'a [Segment]) -> Self {
        Self { segments: segments.iter(), fields: RawFields::new(&[]), signal: PhantomData }
    }
}

impl<'a, S: Signal> Iterator for ResourceGroups<'a, S> {
    type Item = ResourceGroup<'a, S>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(field) = self.fields.next_of(layout::RESOURCE_GROUPS) {
                return Some(ResourceGroup::from_bytes(field.value));
            }
            self.fields = RawFields::new(&self.segments.next()?.bytes);
        }
    }
}

impl<'a, S: Signal> Iterator for Items<'a, S> {
    type Item = S::Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<S::Item<'a>> {
        if S::KIND != SignalKind::Metrics {
            let item = self.children.next_of(layout::SCOPE_CHILDREN)?;
            return Some(FromWire::from_wire(item.value, self.metric, self.data));
        }
        loop {
            if let Some(point) = self.points.next_of(layout::DATA_POINTS) {
                return Some(FromWire::from_wire(point.value, self.metric, self.data));
            }
            let metric = self.children.next_of(layout::SCOPE_CHILDREN)?;
            self.metric = Metric::from_bytes(metric.value);
            let (data, points) = self.metric.raw_data().unwrap_or_default();
            (self.data, self.points) = (data, RawFields::new(points));
        }
    }
}

pub(crate) use sealed::FromWire;

mod sealed {
    use super::Metric;

    /// How an item is made of its bytes.
    pub trait FromWire<'a>: Sized {
        /// Of a data point also the metric, and the field number of the metric's data.
        #[doc(hidden)]
        fn from_wire(bytes: &'a [u8], metric: Metric<'a>, data: u32) -> Self;
    }
}

impl<'a> FromWire<'a> for Span<'a> {
    #[inline(always)]
    fn from_wire(bytes: &'a [u8], _: Metric<'a>, _: u32) -> Self {
        Self::from_bytes(bytes)
    }
}

impl<'a> Item<'a> for Span<'a> {
    #[inline]
    fn attributes(self) -> Attributes<'a> {
        self.attributes()
    }
}

impl<'a> FromWire<'a> for LogRecord<'a> {
    #[inline(always)]
    fn from_wire(bytes: &'a [u8], _: Metric<'a>, _: u32) -> Self {
        Self::from_bytes(bytes)
    }
}

impl<'a> Item<'a> for LogRecord<'a> {
    #[inline]
    fn attributes(self) -> Attributes<'a> {
        self.attributes()
    }
}

impl<'a> FromWire<'a> for DataPoint<'a> {
    #[inline(always)]
    fn from_wire(bytes: &'a [u8], metric: Metric<'a>, data: u32) -> Self {
        Self::new(metric, data, bytes)
    }
}

impl<'a> Item<'a> for DataPoint<'a> {
    #[inline]
    fn attributes(self) -> Attributes<'a> {
        self.attributes()
    }
}

/// `copy!(Name …)` becomes `Clone` and `Copy` that do not ask the signal for the same, as a derive would.
macro_rules! copy {
    ($($name:ident)*) => {$(
        #[expect(clippy::expl_impl_clone_on_copy, reason = "a derive would ask the signal to be `Copy`")]
        impl<S: Signal> Clone for $name<'_, S> {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<S: Signal> Copy for $name<'_, S> {}
    )*};
}

copy!(ResourceGroup ScopeGroup ItemRef);

impl<S> Clone for ResourceGroups<'_, S> {
    fn clone(&self) -> Self {
        Self { segments: self.segments.clone(), fields: self.fields.clone(), signal: PhantomData }
    }
}

impl<S> Clone for Items<'_, S> {
    fn clone(&self) -> Self {
        Self { children: self.children.clone(), points: self.points.clone(), signal: PhantomData, ..*self }
    }
}

impl<S: Signal> fmt::Debug for ResourceGroup<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceGroup")
            .field("resource", &self.resource())
            .field("schema_url", &self.schema_url())
            .field("scopes", &List(self.scopes()))
            .finish()
    }
}

impl<S: Signal> fmt::Debug for ScopeGroup<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeGroup")
            .field("scope", &self.scope())
            .field("schema_url", &self.schema_url())
            .field("items", &List(self.items()))
            .finish()
    }
}

impl<S: Signal> fmt::Debug for ItemRef<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemRef")
            .field("item", &self.item)
            .field("scope", &self.scope)
            .field("resource", &self.resource)
            .finish()
    }
}

impl<S: Signal> fmt::Debug for ResourceGroups<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        List(self.clone()).fmt(f)
    }
}

impl<S: Signal> fmt::Debug for Items<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        List(self.clone()).fmt(f)
    }
}

/// Prints what an iterator has left.
struct List<I>(I);

impl<I: Iterator<Item: fmt::Debug> + Clone> fmt::Debug for List<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.clone()).finish()
    }
}
