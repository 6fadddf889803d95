//! The macro that writes a view from the list of a message's fields.

/// `messages! { /// docs Name { /// docs number field: Type, number field: Type => Wrapper, … } … }` becomes, for
/// each message,
///
/// - `pub struct Name<'a>` over the bytes of the message, which is `Copy`,
/// - `pub fn field(self) -> Type` for each field, read as that type, or as the `Wrapper` around it,
/// - `Debug` that prints the fields that are there,
/// - what lets it be a field or a repeated element of other messages.
macro_rules! messages {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$field_doc:meta])* $number:literal $field:ident : $ty:ty $(=> $wrapper:ty)?,)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default)]
        pub struct $name<'a> {
            pub(super) bytes: &'a [u8],
        }

        impl<'a> $name<'a> {
            $(
                $(#[$field_doc])*
                #[inline]
                pub fn $field(self) -> $ty {
                    $crate::pdata::view::message::read_field!(self.bytes, $number, $ty $(, $wrapper)?)
                }
            )*

            #[inline]
            pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
                Self { bytes }
            }

            /// The numbers and names, for the comparison with the schema.
            #[cfg(test)]
            pub(super) const FIELDS: &'static [(u32, &'static str)] = &[$(($number, stringify!($field)),)*];
        }

        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = f.debug_struct(stringify!($name));
                $(if $crate::pdata::view::field::find(self.bytes, $number).is_some() {
                    out.field(stringify!($field), &self.$field());
                })*
                out.finish()
            }
        }

        impl<'a> $crate::pdata::view::field::Element<'a> for $name<'a> {
            #[inline]
            fn element(bytes: &'a [u8]) -> Self {
                Self::from_bytes(bytes)
            }
        }

        impl<'a> $crate::pdata::view::field::Field<'a> for $name<'a> {
            #[inline]
            fn read(message: &'a [u8], number: u32) -> Self {
                Option::<Self>::read(message, number).unwrap_or_default()
            }
        }

        impl<'a> $crate::pdata::view::field::Field<'a> for Option<$name<'a>> {
            #[inline]
            fn read(message: &'a [u8], number: u32) -> Self {
                $crate::pdata::view::field::find(message, number).map(|field| $name { bytes: field.value })
            }
        }
    )*};
}

macro_rules! read_field {
    ($bytes:expr, $number:expr, $ty:ty) => {
        <$ty as $crate::pdata::view::field::Field<'a>>::read($bytes, $number)
    };
    ($bytes:expr, $number:expr, $ty:ty, $wrapper:ty) => {
        <$wrapper as $crate::pdata::view::field::Field<'a>>::read($bytes, $number).0
    };
}

pub(super) use messages;
pub(super) use read_field;
