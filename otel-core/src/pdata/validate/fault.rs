//! What can be wrong with a request, as the walk notes it.

use std::fmt;

use crate::pdata::wire::wire_type;

/// Something wrong at a byte of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    /// The first byte concerned.
    pub(super) offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The tag's varint, or that of a value or length, does not end in time.
    TagTruncated,
    TagTooLong,
    TagTooLarge,
    FieldNumberZero,
    UnknownWireType(u8),
    GroupNotOpened,
    GroupNotClosed,
    VarintTruncated,
    VarintTooLong,
    PastTheEnd {
        len: u64,
        left: usize,
    },
    WireType {
        actual: u8,
        expected: u8,
    },
    PackedLength {
        len: usize,
        width: usize,
    },
    IdLength {
        len: usize,
        allowed: usize,
    },
    TooDeep,
    Utf8,
}

impl Reason {
    /// Whether it is the tag that is wrong, so that there is no field to name.
    pub(super) fn is_about_the_tag(self) -> bool {
        matches!(
            self,
            Self::TagTruncated
                | Self::TagTooLong
                | Self::TagTooLarge
                | Self::FieldNumberZero
                | Self::UnknownWireType(_)
                | Self::GroupNotOpened
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TagTruncated => f.write_str("the tag of a field is cut off"),
            Self::TagTooLong => f.write_str("the tag of a field has more than 10 bytes or 64 bits"),
            Self::TagTooLarge => f.write_str("the tag of a field has more than 32 bits"),
            Self::FieldNumberZero => f.write_str("the field number is 0"),
            Self::UnknownWireType(wire) => write!(f, "the wire type is {wire}, which does not exist"),
            Self::GroupNotOpened => f.write_str("a group ends that did not begin"),
            Self::GroupNotClosed => f.write_str("a group does not end"),
            Self::VarintTruncated => f.write_str("a varint is cut off"),
            Self::VarintTooLong => f.write_str("a varint has more than 10 bytes or 64 bits"),
            Self::PastTheEnd { len, left } => {
                write!(f, "the value has {len} bytes, but only {left} are left")
            }
            Self::WireType { actual, expected } => write!(
                f,
                "the field is encoded as {}, where the schema has {}",
                wire_name(actual),
                wire_name(expected)
            ),
            Self::PackedLength { len, width } => {
                write!(f, "{len} bytes of packed values are no multiple of {width}")
            }
            Self::IdLength { len, allowed } => {
                write!(f, "the id has {len} bytes, where {allowed} or none are allowed")
            }
            Self::TooDeep => f.write_str("messages are nested more than 100 levels deep"),
            Self::Utf8 => f.write_str("the string is not UTF-8"),
        }
    }
}

fn wire_name(wire: u8) -> &'static str {
    match wire {
        wire_type::VARINT => "a varint",
        wire_type::FIXED64 => "8 bytes",
        wire_type::LEN => "a length and bytes",
        wire_type::START_GROUP | wire_type::END_GROUP => "a group",
        _ => "4 bytes",
    }
}
