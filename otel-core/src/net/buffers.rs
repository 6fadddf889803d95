//! Buffers that are used again.

use std::fmt;
use std::sync::Mutex;

use bytes::Bytes;

/// Shorter ones cost little, and would keep long ones from being used.
const SHORTEST: usize = 64 << 10;
/// Longer ones are too rare to be kept.
const LONGEST: usize = 1 << 20;
/// At rest.
const MOST: usize = 8;

/// Buffers at rest. Fresh memory costs more than what is written to it: it is zeroed, and the system hands it out page by
/// page.
static IDLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Memory to write to, which rests when it is no longer read.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// At least that many bytes, of which nobody knows what they are.
    pub(super) fn of(len: usize) -> Self {
        // Nobody waits for a buffer: where others have the lock, fresh memory is cheaper.
        let idle = (SHORTEST..=LONGEST).contains(&len).then(|| IDLE.try_lock().ok()?.pop()).flatten();
        let mut bytes = idle.unwrap_or_default();
        if bytes.capacity() < len {
            bytes = vec![0; len];
        } else if bytes.len() < len {
            bytes.resize(len, 0);
        }
        Self(bytes)
    }

    /// The first bytes, to write to.
    pub(super) fn first(&mut self, len: usize) -> &mut [u8] {
        &mut self.0[..len]
    }

    /// The first bytes, to be read.
    pub(super) fn freeze(self, len: usize) -> Bytes {
        Bytes::from_owner(self).slice(..len)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if (SHORTEST..=LONGEST).contains(&self.0.len())
            && let Ok(mut idle) = IDLE.try_lock()
            && idle.len() < MOST
        {
            idle.push(std::mem::take(&mut self.0));
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_from_a_buffer_is_what_was_written_to_it() {
        for round in 0..100_u8 {
            for len in [0, 10, SHORTEST, SHORTEST + usize::from(round) * 1000, LONGEST, LONGEST + 1] {
                let mut buffer = Buffer::of(len);
                buffer.first(len).fill(round);
                let bytes = buffer.freeze(len);
                assert_eq!(bytes.len(), len);
                assert!(bytes.iter().all(|byte| *byte == round));
            }
        }
    }

    #[test]
    fn only_a_few_rest() {
        let many: Vec<Buffer> = (0..3 * MOST).map(|_| Buffer::of(SHORTEST)).collect();
        drop(many);
        assert!(IDLE.lock().unwrap().len() <= MOST);
    }
}
