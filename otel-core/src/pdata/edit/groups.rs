//! Resources, scopes and metrics under edit.

use super::attributes::AttributesEdit;
use super::draft::{Draft, Verdict};
use super::messages::{EntityRefEdit, edit_methods, lists, pushes};
use super::pass::Headers;
use crate::pdata::build::{EntityRefBuilder, Writer};
use crate::pdata::fields::fields;
use crate::pdata::layout::SCHEMA_URL;
use crate::pdata::view::{AggregationTemporality, Metric, Resource, Scope, Sum};

/// The resource of a group under edit.
#[derive(Debug)]
pub struct ResourceEdit<'a> {
    headers: Headers<'a>,
}

/// The scope of a group under edit.
#[derive(Debug)]
pub struct ScopeEdit<'a> {
    headers: Headers<'a>,
}

/// A metric under edit, apart from its data points.
#[derive(Debug)]
pub struct MetricEdit<'a> {
    headers: Headers<'a>,
}

impl<'a> ResourceEdit<'a> {
    pub(crate) fn new(headers: Headers<'a>) -> Self {
        Self { headers }
    }

    /// The resource as it is now.
    pub fn view(&self) -> Resource<'_> {
        Resource::from_bytes(self.headers.resource.inner_bytes())
    }

    /// The attributes.
    pub fn attributes(&mut self) -> AttributesEdit<'_> {
        AttributesEdit::new(self.draft(), 1)
    }

    /// The schema URL of the group as it is now.
    pub fn schema_url(&self) -> &str {
        schema_url(self.headers.resource.url_bytes())
    }

    /// Sets the schema URL of the group.
    pub fn set_schema_url(&mut self, url: &str) -> &mut Self {
        self.headers.resource.url().str(SCHEMA_URL, url);
        self
    }

    fn draft(&mut self) -> Draft<'_> {
        self.headers.resource.inner()
    }
}

impl<'a> ScopeEdit<'a> {
    pub(crate) fn new(headers: Headers<'a>) -> Self {
        Self { headers }
    }

    /// The scope as it is now.
    pub fn view(&self) -> Scope<'_> {
        Scope::from_bytes(self.headers.scope.inner_bytes())
    }

    /// The attributes.
    pub fn attributes(&mut self) -> AttributesEdit<'_> {
        AttributesEdit::new(self.draft(), 3)
    }

    /// The schema URL of the group as it is now.
    pub fn schema_url(&self) -> &str {
        schema_url(self.headers.scope.url_bytes())
    }

    /// Sets the schema URL of the group.
    pub fn set_schema_url(&mut self, url: &str) -> &mut Self {
        self.headers.scope.url().str(SCHEMA_URL, url);
        self
    }

    /// The resource around the scope.
    pub fn resource(&mut self) -> ResourceEdit<'_> {
        ResourceEdit::new(self.headers.reborrow())
    }

    fn draft(&mut self) -> Draft<'_> {
        self.headers.scope.inner()
    }
}

/// Field numbers in the data of a metric.
const TEMPORALITY: u32 = 2;
const IS_MONOTONIC: u32 = 3;

/// Field numbers of the kinds of data.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL_HISTOGRAM: u32 = 10;

impl<'a> MetricEdit<'a> {
    pub(crate) fn new(headers: Headers<'a>) -> Self {
        Self { headers }
    }

    /// The metric as it is now, without its data.
    pub fn view(&mut self) -> Metric<'_> {
        Metric::from_bytes(self.headers.metric.rest().into_bytes())
    }

    /// The metadata.
    pub fn metadata(&mut self) -> AttributesEdit<'_> {
        AttributesEdit::new(self.draft(), 12)
    }

    /// What the points count from; unspecified where the kind of data has no temporality.
    pub fn aggregation_temporality(&mut self) -> AggregationTemporality {
        if self.has_temporality() {
            self.data_view().aggregation_temporality()
        } else {
            AggregationTemporality::UNSPECIFIED
        }
    }

    /// Sets what the points count from, for a sum and both kinds of histograms; other kinds have nothing of the
    /// sort and stay as they are.
    pub fn set_aggregation_temporality(&mut self, temporality: AggregationTemporality) -> &mut Self {
        if self.has_temporality() {
            self.headers.data.rest().enumeration(TEMPORALITY, temporality);
        }
        self
    }

    /// Whether the metric is a sum that only grows.
    pub fn is_monotonic(&mut self) -> bool {
        self.headers.data_number() == SUM && self.data_view().is_monotonic()
    }

    /// Sets whether a sum only grows; other kinds stay as they are.
    pub fn set_is_monotonic(&mut self, is_monotonic: bool) -> &mut Self {
        if self.headers.data_number() == SUM {
            self.headers.data.rest().bool(IS_MONOTONIC, is_monotonic);
        }
        self
    }

    /// Makes a sum a gauge of the same points; whether the metric is a gauge now. Other kinds stay as they are.
    pub fn make_gauge(&mut self) -> bool {
        if self.headers.data_number() == SUM {
            let mut data = self.headers.data.rest();
            data.unset(TEMPORALITY);
            data.unset(IS_MONOTONIC);
            self.headers.data.renumber(GAUGE);
        }
        self.headers.data_number() == GAUGE
    }

    /// Makes a gauge a sum of the same points; whether the metric is a sum now. Of a sum, what the points count from
    /// and whether it only grows are set; other kinds stay as they are.
    pub fn make_sum(&mut self, temporality: AggregationTemporality, is_monotonic: bool) -> bool {
        if self.headers.data_number() == GAUGE {
            // In a gauge these are unknown, of any type and number, which they may not be in a sum.
            let mut data = self.headers.data.rest();
            data.unset_all(TEMPORALITY);
            data.unset_all(IS_MONOTONIC);
            self.headers.data.renumber(SUM);
        }
        let is_sum = self.headers.data_number() == SUM;
        if is_sum {
            let mut data = self.headers.data.rest();
            data.enumeration(TEMPORALITY, temporality);
            data.bool(IS_MONOTONIC, is_monotonic);
        }
        is_sum
    }

    /// The scope around the metric.
    pub fn scope(&mut self) -> ScopeEdit<'_> {
        ScopeEdit::new(self.headers.reborrow())
    }

    /// The resource around the metric.
    pub fn resource(&mut self) -> ResourceEdit<'_> {
        ResourceEdit::new(self.headers.reborrow())
    }

    fn has_temporality(&self) -> bool {
        matches!(self.headers.data_number(), SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM)
    }

    /// The data as it is now, without its points. A sum has all the fields that other kinds have.
    fn data_view(&mut self) -> Sum<'_> {
        Sum::from_bytes(self.headers.data.rest().into_bytes())
    }

    fn draft(&mut self) -> Draft<'_> {
        self.headers.metric.rest()
    }
}

fields!(resource, edit_methods { ResourceEdit<'_> });
fields!(scope, edit_methods { ScopeEdit<'_> });
fields!(metric, edit_methods { MetricEdit<'_> });

lists! {
    ResourceEdit<'_> {
        /// Edits the references to entities in turn.
        edit_entity_refs 3 EntityRefEdit
    }
}

pushes! {
    ResourceEdit<'_> {
        /// Appends a reference to an entity.
        push_entity_ref 3 EntityRefBuilder
    }
}

/// Reads a message of a schema URL alone.
fn schema_url(message: &[u8]) -> &str {
    // Groups of both kinds and of all signals have it in the same place.
    crate::pdata::view::ScopeSpans::from_bytes(message).schema_url()
}
