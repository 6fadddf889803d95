//! Attributes, entries of maps and metadata under edit.

use super::draft::{Draft, Fate, Place};
use super::value::{ValueEdit, is_same};
use crate::pdata::build::{self, KEY, VALUE, ValueBuf};
use crate::pdata::view::{AnyValue, Attributes, KeyValue};
use crate::pdata::wire::{self, RawFields};

/// The attributes of a message under edit: also the entries of a map, and the metadata of a metric.
///
/// Keys that came more than once stay so until they are written: [`get`](Self::get) takes the first,
/// [`update`](Self::update) and [`upsert`](Self::upsert) set the first and drop the others,
/// [`rename`](Self::rename) keeps the first, [`remove`](Self::remove) takes them all.
#[derive(Debug)]
pub struct AttributesEdit<'a> {
    draft: Draft<'a>,
    number: u32,
}

/// Which attributes a value is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    IfAbsent,
    IfPresent,
    Always,
}

impl<'a> AttributesEdit<'a> {
    pub(crate) fn new(draft: Draft<'a>, number: u32) -> Self {
        Self { draft, number }
    }

    /// The value of the first attribute of that key.
    pub fn get(&self, key: &str) -> Option<AnyValue<'_>> {
        self.view().get(key)
    }

    /// Whether there is an attribute of that key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.view().contains_key(key)
    }

    /// The attributes as they are now.
    pub fn view(&self) -> Attributes<'_> {
        Attributes::new(self.draft.bytes(), self.number)
    }

    /// Adds the attribute, unless there is one of that key.
    #[inline]
    pub fn insert<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) -> &mut Self {
        self.write(key, value.into(), Write::IfAbsent);
        self
    }

    /// Sets the attribute, if there is one of that key.
    #[inline]
    pub fn update<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) -> &mut Self {
        self.write(key, value.into(), Write::IfPresent);
        self
    }

    /// Sets the attribute, or adds it.
    #[inline]
    pub fn upsert<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) -> &mut Self {
        self.write(key, value.into(), Write::Always);
        self
    }

    /// Gives the attribute another key. One that had that key goes; nothing happens where there is no `from`.
    pub fn rename(&mut self, from: &str, to: &str) -> &mut Self {
        if from == to || !self.contains_key(from) {
            return self;
        }
        let number = self.number;
        let mut renamed = false;
        self.draft.rebuild(number, |field, out| {
            let entry = KeyValue::from_bytes(field.value);
            let is_from = entry.has_key(from.as_bytes());
            if is_from && !renamed {
                renamed = true;
                put_with_key(out, number, field.value, to);
                Fate::Replace
            } else if is_from || entry.has_key(to.as_bytes()) {
                Fate::Drop
            } else {
                Fate::Keep
            }
        });
        self
    }

    /// Takes every attribute of that key away.
    pub fn remove(&mut self, key: &str) -> &mut Self {
        self.draft.rebuild(self.number, |field, _| {
            if KeyValue::from_bytes(field.value).has_key(key.as_bytes()) { Fate::Drop } else { Fate::Keep }
        });
        self
    }

    /// Keeps the attributes of those keys and takes the others away.
    pub fn keep(&mut self, keys: &[impl AsRef<str>]) -> &mut Self {
        self.retain(|key, _| keys.iter().any(|kept| kept.as_ref() == key))
    }

    /// Keeps the attributes for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, AnyValue<'_>) -> bool) -> &mut Self {
        self.draft.rebuild(self.number, |field, _| {
            let entry = KeyValue::from_bytes(field.value);
            if keep(entry.key(), entry.value()) { Fate::Keep } else { Fate::Drop }
        });
        self
    }

    /// Takes all attributes away.
    pub fn clear(&mut self) -> &mut Self {
        self.draft.unset_all(self.number);
        self
    }

    /// Edits the value of the first attribute of that key, where there is one. For values within values: one
    /// that is set as a whole is set by [`update`](Self::update).
    pub fn edit(&mut self, key: &str, edit: impl FnOnce(&mut ValueEdit<'_>)) -> &mut Self {
        let number = self.number;
        let first = RawFields::new(self.draft.bytes())
            .find(|field| field.number == number && KeyValue::from_bytes(field.value).has_key(key.as_bytes()))
            .map(|field| Place::of(&field));
        if let Some(place) = first {
            self.draft.edit_at(number, place, |mut entry| {
                entry.edit_message(VALUE, |value| edit(&mut ValueEdit::new(value)));
            });
        }
        self
    }

    #[inline]
    fn write(&mut self, key: &str, value: AnyValue<'_>, write: Write) {
        let Some(room) = self.draft.room(2) else { return };
        let mut cut = ValueBuf::default();
        let value = build::fitting(value, room, &mut cut);
        let scan = Scan::of(&self.draft, self.number, key);
        let number = self.number;
        match scan.first {
            None if write == Write::IfPresent => {}
            None => self.draft.splice_with(scan.end..scan.end, |_, out| {
                build::put_key_value(out, number, key, value);
            }),
            Some(_) if write == Write::IfAbsent => {}
            Some(place) => {
                self.replace_value(place, value);
                if scan.has_more {
                    self.drop_later(key);
                }
            }
        }
    }

    fn replace_value(&mut self, place: Place, value: AnyValue<'_>) {
        let number = self.number;
        let old = RawFields::new(&self.draft.bytes()[place.value()]).find(|field| field.number == VALUE);
        if is_same(value, AnyValue::from_bytes(old.as_ref().map_or(&[], |field| field.value))) {
            return;
        }
        let old = old.map(|field| field.start..field.end);
        self.draft.splice_with(place.start..place.end, |bytes, out| {
            let entry = &bytes[place.value()];
            let old = old.unwrap_or(entry.len()..entry.len());
            let rest = entry.len() - old.len();
            wire::put_len_header(out, number, rest + wire::len_field_len(VALUE, build::value_len(value)));
            out.extend_from_slice(&entry[..old.start]);
            build::put_value(out, VALUE, value);
            out.extend_from_slice(&entry[old.end..]);
        });
    }

    /// Drops every attribute of that key but the first.
    #[cold]
    fn drop_later(&mut self, key: &str) {
        let mut seen = false;
        self.draft.rebuild(self.number, |field, _| {
            if !KeyValue::from_bytes(field.value).has_key(key.as_bytes())
                || !std::mem::replace(&mut seen, true)
            {
                Fate::Keep
            } else {
                Fate::Drop
            }
        });
    }
}

/// Where the attributes of a key are.
struct Scan {
    first: Option<Place>,
    has_more: bool,
    /// Where an attribute is added: behind the last.
    end: usize,
}

impl Scan {
    #[inline]
    fn of(draft: &Draft<'_>, number: u32, key: &str) -> Self {
        let mut scan = Self { first: None, has_more: false, end: 0 };
        let mut fields = RawFields::new(draft.bytes());
        while let Some(field) = fields.next_of(number) {
            scan.end = field.end;
            if KeyValue::from_bytes(field.value).has_key(key.as_bytes()) {
                scan.has_more |= scan.first.is_some();
                scan.first = scan.first.or_else(|| Some(Place::of(&field)));
            }
        }
        if scan.end == 0 {
            scan.end = draft.find(number).map_or_else(|at| at, |field| field.end);
        }
        scan
    }
}

/// Writes the entry with another key.
fn put_with_key(out: &mut Vec<u8>, number: u32, entry: &[u8], key: &str) {
    let old = RawFields::new(entry).find(|field| field.number == KEY);
    let old = old.map_or(0..0, |field| field.start..field.end);
    let rest = entry.len() - old.len();
    wire::put_len_header(out, number, rest + wire::len_field_len(KEY, key.len()));
    out.extend_from_slice(&entry[..old.start]);
    wire::put_len_field(out, KEY, key.as_bytes());
    out.extend_from_slice(&entry[old.end..]);
}
