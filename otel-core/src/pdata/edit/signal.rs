//! The ways in: what is edited in one pass over a signal.

use super::draft::Verdict;
use super::groups::{MetricEdit, ResourceEdit, ScopeEdit};
use super::items::ItemEdit;
use super::pass;
use crate::pdata::layout::Level;
use crate::pdata::payload::Payload;
use crate::pdata::{Metrics, Signal};

/// See [`Signal::edit`].
pub(crate) fn edit_items<S: Signal, V: Into<Verdict>>(
    data: &mut S,
    mut edit: impl FnMut(&mut ItemEdit<'_, S>) -> V,
) -> bool {
    let edited = pass::run(data.payload(), S::KIND, None, |headers, draft| {
        edit(&mut ItemEdit::new(headers, draft)).into()
    });
    replace(data, edited)
}

/// See [`Signal::edit_resources`].
pub(crate) fn edit_resources<S: Signal, V: Into<Verdict>>(
    data: &mut S,
    mut edit: impl FnMut(&mut ResourceEdit<'_>) -> V,
) -> bool {
    let edited = pass::run(data.payload(), S::KIND, Some(Level::Resource), |headers, _| {
        edit(&mut ResourceEdit::new(headers)).into()
    });
    replace(data, edited)
}

/// See [`Signal::edit_scopes`].
pub(crate) fn edit_scopes<S: Signal, V: Into<Verdict>>(
    data: &mut S,
    mut edit: impl FnMut(&mut ScopeEdit<'_>) -> V,
) -> bool {
    let edited = pass::run(data.payload(), S::KIND, Some(Level::Scope), |headers, _| {
        edit(&mut ScopeEdit::new(headers)).into()
    });
    replace(data, edited)
}

impl Metrics {
    /// Edits every metric in one pass, without a look at its data points; whether anything changed.
    ///
    /// A metric that is dropped takes its data points along.
    pub fn edit_metrics<V: Into<Verdict>>(&mut self, mut edit: impl FnMut(&mut MetricEdit<'_>) -> V) -> bool {
        use crate::pdata::signal::sealed::Sealed;

        let edited = pass::run(self.payload(), Self::KIND, Some(Level::Metric), |headers, _| {
            edit(&mut MetricEdit::new(headers)).into()
        });
        replace(self, edited)
    }
}

fn replace<S: Signal>(data: &mut S, edited: Option<Payload>) -> bool {
    let changed = edited.is_some();
    if let Some(payload) = edited {
        *data = S::from_payload(payload);
    }
    changed
}
