//! Messages within items under edit.

use super::attributes::AttributesEdit;
use super::draft::{Draft, Verdict};
use crate::pdata::build::{self, ExemplarBuilder, Writer};
use crate::pdata::fields::fields;
use crate::pdata::view::{
    Buckets, EntityRef, Event, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Link,
    NumberDataPoint, NumberValue, SpanId, Status, StatusCode, SummaryDataPoint, TraceId, ValueAtQuantile,
};

/// `edits!(Name View message "doc"; …)` becomes structs around a [`Draft`] with a setter for every field that
/// [`fields!`] lists for the message.
macro_rules! edits {
    ($($name:ident $view:ident $message:ident $(#[$doc:meta])*;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'a> {
            draft: Draft<'a>,
        }

        impl<'a> $name<'a> {
            pub(crate) fn new(draft: Draft<'a>) -> Self {
                Self { draft }
            }

            /// It as it is now.
            pub fn view(&self) -> $view<'_> {
                $view::from_bytes(self.draft.bytes())
            }

            fn draft(&mut self) -> &mut Draft<'a> {
                &mut self.draft
            }
        }

        fields!($message, edit_methods { $name<'_> });
    )*};
}

/// Writes a setter for every field of a message: `pub fn set_name(&mut self, name: Type) -> &mut Self`.
macro_rules! edit_methods {
    ({ $edit:ty } $($number:literal $name:ident $set:ident $kind:ident($ty:ty) $doc:literal;)*) => {
        impl $edit {
            $(
                #[doc = concat!("Sets: ", $doc)]
                pub fn $set(&mut self, $name: $ty) -> &mut Self {
                    self.draft().$kind($number, $name);
                    self
                }
            )*
        }
    };
}

/// `attributes!(Name number …)` becomes the methods that edit attributes that stand in that field.
macro_rules! attributes {
    ($($edit:ident $number:literal)*) => {$(
        impl $edit<'_> {
            /// The attributes.
            pub fn attributes(&mut self) -> AttributesEdit<'_> {
                AttributesEdit::new(self.draft().reborrow(), $number)
            }
        }
    )*};
}

/// `lists!(Owner { "doc" method number Edit } …)` becomes the methods that edit repeated messages one by one.
macro_rules! lists {
    ($($owner:ty { $(#[$doc:meta])* $method:ident $number:literal $edit:ident })*) => {$(
        impl $owner {
            $(#[$doc])*
            pub fn $method<V: Into<Verdict>>(
                &mut self,
                mut edit: impl FnMut(&mut $edit<'_>) -> V,
            ) -> &mut Self {
                self.draft().edit_each($number, |draft| edit(&mut $edit::new(draft)));
                self
            }
        }
    )*};
}

/// `pushes!(Owner { "doc" method number Builder } …)` becomes the methods that append to repeated messages.
macro_rules! pushes {
    ($($owner:ty { $(#[$doc:meta])* $method:ident $number:literal $builder:ident })*) => {$(
        impl $owner {
            $(#[$doc])*
            pub fn $method(&mut self, write: impl FnOnce(&mut $builder<'_>)) -> &mut Self {
                self.draft().push($number, |out| {
                    Writer::new(out).push_message($number, 0, |writer| write(&mut $builder::new(writer)));
                });
                self
            }
        }
    )*};
}

pub(crate) use {edit_methods, lists, pushes};

edits! {
    EntityRefEdit EntityRef entity_ref
        /// A reference to an entity under edit.
    ;
    EventEdit Event event
        /// An event under edit.
    ;
    LinkEdit Link link
        /// A link under edit.
    ;
    StatusEdit Status status
        /// The status of a span under edit.
    ;
    NumberDataPointEdit NumberDataPoint number_data_point
        /// A data point of a gauge or a sum under edit.
    ;
    HistogramDataPointEdit HistogramDataPoint histogram_data_point
        /// A data point of a histogram under edit.
    ;
    ExponentialHistogramDataPointEdit ExponentialHistogramDataPoint exponential_histogram_data_point
        /// A data point of an exponential histogram under edit.
    ;
    BucketsEdit Buckets buckets
        /// The buckets on one side of zero under edit.
    ;
    SummaryDataPointEdit SummaryDataPoint summary_data_point
        /// A data point of a summary under edit.
    ;
    ValueAtQuantileEdit ValueAtQuantile value_at_quantile
        /// The value at a quantile under edit.
    ;
    ExemplarEdit Exemplar exemplar
        /// An exemplar under edit.
    ;
}

attributes! {
    EventEdit 3
    LinkEdit 4
    NumberDataPointEdit 7
    HistogramDataPointEdit 9
    ExponentialHistogramDataPointEdit 1
    SummaryDataPointEdit 7
}

lists! {
    NumberDataPointEdit<'_> {
        /// Edits the exemplars in turn.
        edit_exemplars 5 ExemplarEdit
    }
    HistogramDataPointEdit<'_> {
        /// Edits the exemplars in turn.
        edit_exemplars 8 ExemplarEdit
    }
    ExponentialHistogramDataPointEdit<'_> {
        /// Edits the exemplars in turn.
        edit_exemplars 11 ExemplarEdit
    }
    SummaryDataPointEdit<'_> {
        /// Edits the quantiles in turn.
        edit_quantile_values 6 ValueAtQuantileEdit
    }
}

pushes! {
    NumberDataPointEdit<'_> {
        /// Appends an exemplar.
        push_exemplar 5 ExemplarBuilder
    }
    HistogramDataPointEdit<'_> {
        /// Appends an exemplar.
        push_exemplar 8 ExemplarBuilder
    }
    ExponentialHistogramDataPointEdit<'_> {
        /// Appends an exemplar.
        push_exemplar 11 ExemplarBuilder
    }
}

impl SummaryDataPointEdit<'_> {
    /// Appends the value at a quantile from 0 to 1.
    pub fn push_quantile(&mut self, quantile: f64, value: f64) -> &mut Self {
        self.draft.push(6, |out| build::put_quantile(out, quantile, value));
        self
    }
}

impl ExemplarEdit<'_> {
    /// The attributes that the data point lacks.
    pub fn filtered_attributes(&mut self) -> AttributesEdit<'_> {
        AttributesEdit::new(self.draft.reborrow(), 7)
    }
}

impl EntityRefEdit<'_> {
    /// Sets the keys of the attributes that identify the entity.
    pub fn set_id_keys(&mut self, keys: &[&str]) -> &mut Self {
        self.draft.strs(3, keys);
        self
    }

    /// Sets the keys of the attributes that describe the entity.
    pub fn set_description_keys(&mut self, keys: &[&str]) -> &mut Self {
        self.draft.strs(4, keys);
        self
    }
}

impl ExponentialHistogramDataPointEdit<'_> {
    /// Edits the buckets of the positive values.
    pub fn edit_positive(&mut self, edit: impl FnOnce(&mut BucketsEdit<'_>)) -> &mut Self {
        self.draft.edit_message(8, |draft| edit(&mut BucketsEdit::new(draft)));
        self
    }

    /// Edits the buckets of the negative values.
    pub fn edit_negative(&mut self, edit: impl FnOnce(&mut BucketsEdit<'_>)) -> &mut Self {
        self.draft.edit_message(9, |draft| edit(&mut BucketsEdit::new(draft)));
        self
    }
}
