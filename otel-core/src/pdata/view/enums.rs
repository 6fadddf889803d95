//! The enumerations of OTLP, open: a number that this version has no name for is kept.

use std::fmt;

use super::field::{Field, find};

/// `open_enum!(Name "PREFIX_" { CONSTANT = number "Display", … })` becomes a newtype over `i32` with a constant
/// for each named number, its names, formatting and reading.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident $prefix:literal {
        $($(#[$value_doc:meta])* $constant:ident = $number:literal $display:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i32);

        impl $name {
            $($(#[$value_doc])* pub const $constant: Self = Self($number);)*

            /// The name in the proto file, if the number has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(concat!($prefix, stringify!($constant))),)*
                    _ => None,
                }
            }

            /// The value of that name in the proto file.
            pub fn from_name(name: &str) -> Option<Self> {
                $(if name == concat!($prefix, stringify!($constant)) {
                    return Some(Self::$constant);
                })*
                None
            }
        }

        /// A short name such as the Go collector prints; the number where there is none.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => f.pad($display),)*
                    number => fmt::Display::fmt(&number, f),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl<'a> Field<'a> for $name {
            #[inline]
            fn read(message: &'a [u8], number: u32) -> Self {
                Self(find(message, number).map_or(0, |field| field.varint() as i32))
            }
        }
    };
}

open_enum! {
    /// What role a span has in its trace.
    SpanKind "SPAN_KIND_" {
        /// Not told; readers take it as internal.
        UNSPECIFIED = 0 "Unspecified",
        /// An operation inside an application.
        INTERNAL = 1 "Internal",
        /// The server side of a call.
        SERVER = 2 "Server",
        /// The client side of a call.
        CLIENT = 3 "Client",
        /// The sending of a message to a broker.
        PRODUCER = 4 "Producer",
        /// The receiving of a message from a broker.
        CONSUMER = 5 "Consumer",
    }
}

open_enum! {
    /// How the operation of a span ended.
    StatusCode "STATUS_CODE_" {
        /// Not told.
        UNSET = 0 "Unset",
        /// A person has said that it succeeded.
        OK = 1 "Ok",
        /// It failed.
        ERROR = 2 "Error",
    }
}

open_enum! {
    /// What a sum or a histogram counts from.
    AggregationTemporality "AGGREGATION_TEMPORALITY_" {
        /// Not told, which is invalid.
        UNSPECIFIED = 0 "Unspecified",
        /// From the point before.
        DELTA = 1 "Delta",
        /// From a fixed start.
        CUMULATIVE = 2 "Cumulative",
    }
}

open_enum! {
    /// How severe a log record is, in steps from 1 to 24.
    SeverityNumber "SEVERITY_NUMBER_" {
        /// Not told.
        UNSPECIFIED = 0 "Unspecified",
        /// Fine-grained debugging.
        TRACE = 1 "Trace",
        /// The second step of trace.
        TRACE2 = 2 "Trace2",
        /// The third step of trace.
        TRACE3 = 3 "Trace3",
        /// The fourth step of trace.
        TRACE4 = 4 "Trace4",
        /// Debugging.
        DEBUG = 5 "Debug",
        /// The second step of debug.
        DEBUG2 = 6 "Debug2",
        /// The third step of debug.
        DEBUG3 = 7 "Debug3",
        /// The fourth step of debug.
        DEBUG4 = 8 "Debug4",
        /// Something happened.
        INFO = 9 "Info",
        /// The second step of info.
        INFO2 = 10 "Info2",
        /// The third step of info.
        INFO3 = 11 "Info3",
        /// The fourth step of info.
        INFO4 = 12 "Info4",
        /// Something may be wrong.
        WARN = 13 "Warn",
        /// The second step of warn.
        WARN2 = 14 "Warn2",
        /// The third step of warn.
        WARN3 = 15 "Warn3",
        /// The fourth step of warn.
        WARN4 = 16 "Warn4",
        /// Something went wrong.
        ERROR = 17 "Error",
        /// The second step of error.
        ERROR2 = 18 "Error2",
        /// The third step of error.
        ERROR3 = 19 "Error3",
        /// The fourth step of error.
        ERROR4 = 20 "Error4",
        /// The application ends.
        FATAL = 21 "Fatal",
        /// The second step of fatal.
        FATAL2 = 22 "Fatal2",
        /// The third step of fatal.
        FATAL3 = 23 "Fatal3",
        /// The fourth step of fatal.
        FATAL4 = 24 "Fatal4",
    }
}
