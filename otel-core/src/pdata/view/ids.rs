//! Trace and span ids.

use std::fmt;

use super::field::{Field, find};

/// `id!(Name, bytes, "doc")` becomes the newtype over `[u8; bytes]` with its accessors, formatting and reading.
macro_rules! id {
    ($name:ident, $len:literal, $(#[$doc:meta])*) => {
        $(#[$doc])*
        ///
        /// All zeros means that there is none, and is the same as an absent field. Displays as lower-case hex,
        /// as nothing where it is empty.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// No id.
            pub const EMPTY: Self = Self([0; $len]);

            /// The id of those bytes.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Whether there is none.
            pub fn is_empty(self) -> bool {
                self == Self::EMPTY
            }

            /// The bytes, zeros where there is none.
            pub const fn to_bytes(self) -> [u8; $len] {
                self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                if self.is_empty() {
                    return Ok(());
                }
                let mut hex = [0; 2 * $len];
                for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                f.pad(str::from_utf8(&hex).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl<'a> Field<'a> for $name {
            #[inline]
            fn read(message: &'a [u8], number: u32) -> Self {
                find(message, number).and_then(|field| field.value.first_chunk()).copied().map_or(Self::EMPTY, Self)
            }
        }
    };
}

id!(TraceId, 16,
    /// The id of a trace, 16 bytes.
);
id!(SpanId, 8,
    /// The id of a span, 8 bytes.
);
