//! Values under edit: what stands in an attribute, an array or a log body.

use super::attributes::AttributesEdit;
use super::draft::{Draft, Verdict};
use crate::pdata::build::{self, ELEMENTS, ValueBuf, number};
use crate::pdata::view::{AnyValue, Array};

/// A value under edit.
///
/// ```
/// use otel_core::pdata::Signal;
/// use otel_core::pdata::build::LogsBuilder;
///
/// let mut builder = LogsBuilder::new();
/// builder.resource(|_| {}).scope(|_| {}).log_record(|record| {
///     record.body_map(|body| {
///         body.entry("event", "login").entry_map("user", |user| {
///             user.entry("name", "ada").entry("password", "secret");
///         });
///     });
/// });
/// let mut logs = builder.finish();
/// logs.edit(|record| {
///     record.edit_body(|body| {
///         body.edit_map(|entries| {
///             entries.upsert("checked", true).edit("user", |user| {
///                 user.edit_map(|user| {
///                     user.remove("password");
///                 });
///             });
///         });
///     });
/// });
/// let body = format!("{:?}", logs.iter().next().unwrap().item().body());
/// assert_eq!(body, r#"{"event": "login", "user": {"name": "ada"}, "checked": true}"#);
/// ```
#[derive(Debug)]
pub struct ValueEdit<'a> {
    draft: Draft<'a>,
}

impl<'a> ValueEdit<'a> {
    pub(crate) fn new(draft: Draft<'a>) -> Self {
        Self { draft }
    }

    /// The value as it is now.
    pub fn view(&self) -> AnyValue<'_> {
        AnyValue::from_bytes(self.draft.bytes())
    }

    /// Replaces the value.
    pub fn set<'v>(&mut self, value: impl Into<AnyValue<'v>>) -> &mut Self {
        let Some(room) = self.draft.room(0) else { return self };
        let mut cut = ValueBuf::default();
        let value = build::fitting(value.into(), room, &mut cut);
        if !is_same(value, self.view()) {
            self.draft.replace(|out| build::put_any_value(out, value));
        }
        self
    }

    /// Edits the entries, if the value is a map.
    pub fn edit_map(&mut self, edit: impl FnOnce(&mut AttributesEdit<'_>)) -> &mut Self {
        if self.draft.find(number::MAP).is_ok() {
            self.draft.edit_message(number::MAP, |map| edit(&mut AttributesEdit::new(map, ELEMENTS)));
        }
        self
    }

    /// Edits the elements, if the value is an array.
    pub fn edit_array(&mut self, edit: impl FnOnce(&mut ArrayEdit<'_>)) -> &mut Self {
        if self.draft.find(number::ARRAY).is_ok() {
            self.draft.edit_message(number::ARRAY, |draft| edit(&mut ArrayEdit { draft }));
        }
        self
    }
}

/// An array under edit.
#[derive(Debug)]
pub struct ArrayEdit<'a> {
    draft: Draft<'a>,
}

impl ArrayEdit<'_> {
    /// The elements as they are now.
    pub fn view(&self) -> Array<'_> {
        Array::from_bytes(self.draft.bytes())
    }

    /// Appends an element.
    pub fn push<'v>(&mut self, value: impl Into<AnyValue<'v>>) -> &mut Self {
        let Some(room) = self.draft.room(1) else { return self };
        let mut cut = ValueBuf::default();
        let value = build::fitting(value.into(), room, &mut cut);
        self.draft.push(ELEMENTS, |out| build::put_value(out, ELEMENTS, value));
        self
    }

    /// Edits the elements in turn.
    pub fn edit_values<V: Into<Verdict>>(
        &mut self,
        mut edit: impl FnMut(&mut ValueEdit<'_>) -> V,
    ) -> &mut Self {
        self.draft.edit_each(ELEMENTS, |draft| edit(&mut ValueEdit { draft }));
        self
    }

    /// Takes all elements away.
    pub fn clear(&mut self) -> &mut Self {
        self.edit_values(|_| Verdict::Drop)
    }
}

/// Whether two values are the same: doubles by their bits.
#[inline]
pub(crate) fn is_same(a: AnyValue<'_>, b: AnyValue<'_>) -> bool {
    match (a, b) {
        (AnyValue::Double(a), AnyValue::Double(b)) => a.to_bits() == b.to_bits(),
        (AnyValue::Array(a), AnyValue::Array(b)) => a.iter().eq_by_value(b.iter(), is_same),
        (AnyValue::KvList(a), AnyValue::KvList(b)) => {
            a.iter().eq_by_value(b.iter(), |a, b| a.key() == b.key() && is_same(a.value(), b.value()))
        }
        (a, b) => a == b,
    }
}

/// `Iterator::eq_by`, which is not stable.
trait EqByValue: Iterator<Item: Copy> + Sized {
    fn eq_by_value(
        mut self,
        mut other: impl Iterator<Item = Self::Item>,
        is_same: impl Fn(Self::Item, Self::Item) -> bool,
    ) -> bool {
        loop {
            match (self.next(), other.next()) {
                (Some(a), Some(b)) if is_same(a, b) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

impl<I: Iterator<Item: Copy>> EqByValue for I {}
