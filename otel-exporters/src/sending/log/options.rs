use otel_core::component::FileSettings;

use super::format;

/// How a log is cut into files. The bound of the disk that it takes, and whether it waits for the disk, are the
/// [settings](FileSettings) of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// A segment that has so many bytes is full; 16 MiB. Where the log is bounded, at most an eighth of the bound, so
    /// that little is held by segments that are nearly done with. At least 64 KiB, at most 1 GiB.
    pub segment_size: u64,
}

impl LogOptions {
    const SMALLEST: u64 = 64 << 10;
    const LARGEST: u64 = 1 << 30;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another size of segments.
    pub fn with_segment_size(self, segment_size: u64) -> Self {
        Self { segment_size }
    }

    /// The size of segments in files of these settings.
    pub(super) fn size_in(&self, settings: FileSettings) -> u64 {
        let bound = if settings.max_size == 0 { u64::MAX } else { settings.max_size / 8 };
        self.segment_size.min(bound).clamp(Self::SMALLEST, Self::LARGEST)
    }

    /// How many records a segment of that size takes. Smaller records than these fill it by their number.
    pub(super) fn slots_in(segment_size: u64) -> u32 {
        u32::try_from(segment_size / 1024).unwrap_or(u32::MAX).min(format::MOST_SLOTS)
    }
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_size: 16 << 20 }
    }
}
