use std::fmt;

use super::RecordId;

/// What a log found when it was opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// The records that are not acknowledged, oldest first.
    pub pending: Vec<Pending>,
    /// What was damaged.
    pub damage: Vec<Damage>,
}

impl Recovery {
    /// How many records are lost at the least: one for a segment that was set aside, of which nobody knows.
    pub fn lost_records(&self) -> u64 {
        self.damage.iter().map(|damage| damage.kind.lost_records()).sum()
    }
}

/// A record that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The record.
    pub id: RecordId,
    /// How many bytes it has. They are verified when they are [read](super::Log::read).
    pub length: u32,
}

/// Something that was not as it was written. `Display` says it for a log of the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub location: String,
    /// Where in it the damage begins.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// What it is, and what was done.
    pub kind: DamageKind,
}

/// What was damaged, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// So many records are lost: between others, or, at the least, at the end.
    Records(u64),
    /// The end of a segment was cut off: a record that runs past the end of the file, or zeros. As a rule it was being written
    /// when the process or the machine stopped, and nobody was told that it was taken.
    Torn,
    /// Nobody knows what the segment holds. Its file has another name now, which is this, and is not read again.
    SetAside(String),
    /// So many acknowledgements are unreadable. Their records, if they had been acknowledged, come again.
    Acknowledgements(u64),
    /// The rest of the segment could not be read, for this reason.
    Unreadable(String),
}

impl DamageKind {
    fn lost_records(&self) -> u64 {
        match self {
            Self::Records(records) => *records,
            Self::SetAside(_) => 1,
            Self::Torn | Self::Acknowledgements(_) | Self::Unreadable(_) => 0,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, offset, bytes, kind } = self;
        match kind {
            DamageKind::Records(records) => {
                write!(
                    f,
                    "{records} damaged records are lost: {bytes} bytes at offset {offset} of {location}"
                )
            }
            DamageKind::Torn => {
                write!(f, "an incomplete record was cut off: {bytes} bytes at offset {offset} of {location}")
            }
            DamageKind::SetAside(name) => {
                write!(
                    f,
                    "the header of {location} is damaged or of another version: it was set aside as {name}"
                )
            }
            DamageKind::Acknowledgements(count) => {
                write!(f, "{count} acknowledgements in {location} are damaged: their records may come again")
            }
            DamageKind::Unreadable(reason) => {
                write!(f, "{bytes} bytes at offset {offset} of {location} could not be read: {reason}")
            }
        }
    }
}
