//! How fields are read off a message.

use std::fmt;
use std::marker::PhantomData;

use crate::pdata::wire::{RawField, RawFields, read_varint, wire_type};

/// The elements of a repeated field, in their order.
pub struct Repeated<'a, T> {
    fields: RawFields<'a>,
    number: u32,
    element: PhantomData<fn() -> T>,
}

impl<'a, T> Repeated<'a, T> {
    #[inline]
    pub(crate) fn new(message: &'a [u8], number: u32) -> Self {
        Self { fields: RawFields::new(message), number, element: PhantomData }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.clone().raw().is_none()
    }

    #[inline]
    fn raw(&mut self) -> Option<RawField<'a>> {
        self.fields.next_of(self.number)
    }
}

impl<'a, T: Element<'a>> Iterator for Repeated<'a, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.raw().map(|field| T::element(field.value))
    }
}

impl<T> Clone for Repeated<'_, T> {
    fn clone(&self) -> Self {
        Self { fields: self.fields.clone(), number: self.number, element: PhantomData }
    }
}

impl<'a, T: Element<'a> + fmt::Debug> fmt::Debug for Repeated<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The numbers of a repeated field, packed or not.
pub struct Scalars<'a, T> {
    fields: RawFields<'a>,
    number: u32,
    /// What is left of the run of packed values at hand.
    packed: &'a [u8],
    /// The wire type of a value in a packed run.
    wire: u8,
    element: PhantomData<fn() -> T>,
}

impl<'a, T: Scalar> Scalars<'a, T> {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.clone().next().is_none()
    }

    #[inline]
    fn unpack(&mut self) -> Option<T> {
        let (value, rest) = T::take(self.packed, self.wire)?;
        self.packed = rest;
        Some(value)
    }

    #[inline]
    pub(crate) fn new(message: &'a [u8], number: u32, wire: u8) -> Self {
        Self { fields: RawFields::new(message), number, packed: &[], wire, element: PhantomData }
    }
}

impl<T: Scalar> Iterator for Scalars<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(value) = self.unpack() {
                return Some(value);
            }
            let field = self.fields.next_of(self.number)?;
            if field.wire != wire_type::LEN {
                return T::take(field.value, field.wire).map(|(value, _)| value);
            }
            self.packed = field.value;
        }
    }
}

impl<T> Clone for Scalars<'_, T> {
    fn clone(&self) -> Self {
        Self { fields: self.fields.clone(), element: PhantomData, ..*self }
    }
}

impl<T: Scalar + fmt::Debug> fmt::Debug for Scalars<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

pub(crate) use sealed::{Element, Scalar};

mod sealed {
    /// What a length-delimited element of a repeated field reads as.
    pub trait Element<'a> {
        #[doc(hidden)]
        fn element(bytes: &'a [u8]) -> Self;
    }

    /// A number that comes packed.
    pub trait Scalar: Sized {
        /// The first value and what follows it; nothing at the end.
        #[doc(hidden)]
        fn take(packed: &[u8], wire: u8) -> Option<(Self, &[u8])>;
    }
}

/// A type that a field reads as.
pub(crate) trait Field<'a>: Sized {
    fn read(message: &'a [u8], number: u32) -> Self;
}

/// The first field of that number; validation made sure that a singular one is the only one.
#[inline]
pub(crate) fn find(message: &[u8], number: u32) -> Option<RawField<'_>> {
    RawFields::new(message).next_of(number)
}

/// The text of a validated string field.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// `scalars!(Type: |field| value, …)` becomes the reading of a singular field, zero where it is absent, and of an
/// optional one.
macro_rules! scalars {
    ($($ty:ty: |$field:ident| $value:expr,)*) => {$(
        impl<'a> Field<'a> for $ty {
            #[inline]
            fn read(message: &'a [u8], number: u32) -> Self {
                Option::<$ty>::read(message, number).unwrap_or_default()
            }
        }

        impl<'a> Field<'a> for Option<$ty> {
            #[inline]
            fn read(message: &'a [u8], number: u32) -> Self {
                find(message, number).map(|$field| $value)
            }
        }
    )*};
}

scalars! {
    &'a str: |field| text(field.value),
    &'a [u8]: |field| field.value,
    bool: |field| field.varint() != 0,
    u32: |field| if field.wire == wire_type::FIXED32 { field.fixed32() } else { field.varint() as u32 },
    u64: |field| field.fixed64(),
    i64: |field| field.fixed64() as i64,
    f64: |field| f64::from_bits(field.fixed64()),
    Zigzag: |field| Zigzag(unzigzag(field.varint() as u32)),
}

/// A `sint32`.
#[derive(Default)]
pub(crate) struct Zigzag(pub(crate) i32);

fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

impl<'a, T: Element<'a>> Field<'a> for Repeated<'a, T> {
    #[inline]
    fn read(message: &'a [u8], number: u32) -> Self {
        Self::new(message, number)
    }
}

impl<'a, T: Scalar> Field<'a> for Scalars<'a, T> {
    #[inline]
    fn read(message: &'a [u8], number: u32) -> Self {
        Self::new(message, number, wire_type::FIXED64)
    }
}

/// Repeated numbers that are varints, where the type alone would mean 8 bytes.
pub(crate) struct Varints<'a>(pub(crate) Scalars<'a, u64>);

impl<'a> Field<'a> for Varints<'a> {
    #[inline]
    fn read(message: &'a [u8], number: u32) -> Self {
        Self(Scalars::new(message, number, wire_type::VARINT))
    }
}

impl<'a> Element<'a> for &'a str {
    #[inline]
    fn element(bytes: &'a [u8]) -> Self {
        text(bytes)
    }
}

impl Scalar for f64 {
    #[inline]
    fn take(packed: &[u8], _: u8) -> Option<(Self, &[u8])> {
        packed.split_first_chunk().map(|(bytes, rest)| (f64::from_le_bytes(*bytes), rest))
    }
}

impl Scalar for u64 {
    #[inline]
    fn take(packed: &[u8], wire: u8) -> Option<(Self, &[u8])> {
        if wire == wire_type::VARINT {
            let (value, end) = read_varint(packed, 0)?;
            return Some((value, packed.get(end..)?));
        }
        packed.split_first_chunk().map(|(bytes, rest)| (u64::from_le_bytes(*bytes), rest))
    }
}
