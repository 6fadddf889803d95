//! How deep values nest: readers accept messages nested in a hundred others and no more, so that what is deeper is
//! left out where it is written.
//!
//! The *room* of a value is how many messages may be nested in it.

use super::value::{ELEMENTS, KEY, VALUE, ValueBuf, number, put_any_value, value_len};
use crate::pdata::schema::{ARRAY_VALUE, KEY_VALUE, NESTING};
use crate::pdata::validate;
use crate::pdata::view::AnyValue;
use crate::pdata::wire::{self, OpenField};

/// The room of a value that is built, wherever it ends up: the deepest place is an attribute of an exemplar, which
/// is in a request, resource group, scope group, metric, its data, point, exemplar and attribute.
pub(crate) const ROOM: u32 = NESTING - 8;

/// What an array takes from its value to its elements: itself and the element.
pub(crate) const ELEMENT: u32 = 2;

/// What a map takes from its value to those in it: itself, the entry and the entry's value.
pub(crate) const ENTRY: u32 = 3;

/// The value, or what is left of it in `cut` where it nests deeper than `room`: arrays and maps for which there is no
/// room become empty values.
#[inline]
pub(crate) fn fitting<'a>(value: AnyValue<'a>, room: u32, cut: &'a mut ValueBuf) -> AnyValue<'a> {
    match value {
        AnyValue::Array(_) | AnyValue::KvList(_) if !fits(value, room) => {
            *cut = ValueBuf::written(|out| put_cut(out, value, room));
            cut.value()
        }
        _ => value,
    }
}

/// Whether an array or a map has room.
fn fits(value: AnyValue<'_>, room: u32) -> bool {
    // Every level takes two bytes at least, so a look inside is rarely needed.
    if value_len(value) / 2 <= room as usize {
        return true;
    }
    let Some(room) = room.checked_sub(1) else { return false };
    match value {
        AnyValue::Array(array) => validate::nests_within(&ARRAY_VALUE, array.bytes(), room),
        AnyValue::KvList(entries) => entries
            .iter()
            .all(|entry| room >= 1 && validate::nests_within(&KEY_VALUE, entry.bytes(), room - 1)),
        _ => true,
    }
}

/// Writes as much of a value as there is room for.
fn put_cut(out: &mut Vec<u8>, value: AnyValue<'_>, room: u32) {
    match value {
        AnyValue::Array(_) | AnyValue::KvList(_) if fits(value, room) => put_any_value(out, value),
        AnyValue::Array(array) if room >= ELEMENT => {
            let list = OpenField::open(out, number::ARRAY, value_len(value));
            for element in array {
                let field = OpenField::open(out, ELEMENTS, value_len(element));
                put_cut(out, element, room - ELEMENT);
                field.close(out);
            }
            list.close(out);
        }
        AnyValue::KvList(entries) if room >= ENTRY => {
            let map = OpenField::open(out, number::MAP, value_len(value));
            for entry in entries {
                let field = OpenField::open(out, ELEMENTS, entry.bytes().len());
                wire::put_len_field(out, KEY, entry.key().as_bytes());
                let content = OpenField::open(out, VALUE, value_len(entry.value()));
                put_cut(out, entry.value(), room - ENTRY);
                content.close(out);
                field.close(out);
            }
            map.close(out);
        }
        AnyValue::Array(_) | AnyValue::KvList(_) => {}
        _ => put_any_value(out, value),
    }
}
