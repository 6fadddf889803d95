use std::io::{self, IoSlice};
use std::sync::Arc;

use async_trait::async_trait;

/// A directory of one owner, for a log that it writes itself. Files of a disk, or what a simulation makes of them.
///
/// What only touches the page cache is a plain call, which takes microseconds; what waits for the disk is a future, which
/// keeps the disk's time off the threads of the runtime.
///
/// # Guarantees
/// - What was written is read from then on, and survives a kill of the process at any moment.
/// - What survives a crash of the machine is what a completed [`StoredFile::sync`] covered, in files that a completed
///   [`Files::sync`] covered. Of everything else any part may be there: a prefix, a hole of zeros, nothing.
/// - The last call that finds no room fails with [`io::ErrorKind::StorageFull`] or
///   [`io::ErrorKind::QuotaExceeded`]; it may have written a part.
///
/// Names consist of ASCII letters, digits, `.`, `-` and `_`, do not begin with `.`, and are at most 100 bytes long.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// What the storage is configured with.
    fn settings(&self) -> FileSettings;

    /// Where a file is, for messages: the path of a file on a disk.
    fn location(&self, name: &str) -> String;

    /// The names of all files, in no order.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Opens a file, to be read and written. [`io::ErrorKind::NotFound`] where there is none.
    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>>;

    /// Makes an empty file, to be read and written. [`io::ErrorKind::AlreadyExists`] where there is one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>>;

    /// Gives a file another name. [`io::ErrorKind::AlreadyExists`] where there is one of that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Whoever has it open can read and write it on; its room is free once nobody has.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Waits until all that was created, renamed and removed survives a crash of the machine.
    ///
    /// # Cancellation
    /// Dropping the future leaves it open whether it does.
    async fn sync(&self) -> io::Result<()>;
}

/// How an owner is to write its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FileSettings {
    /// The most bytes that the owner's files may take together; 0 for no bound. The owner keeps to it.
    pub max_size: u64,
    /// Whether what is answered with success has to survive a crash of the machine, so that each write is synced.
    pub fsync: bool,
}

impl FileSettings {
    /// No bound, and no sync.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a bound.
    pub fn with_max_size(self, max_size: u64) -> Self {
        Self { max_size, ..self }
    }

    /// The same with or without a sync for each write.
    pub fn with_fsync(self, fsync: bool) -> Self {
        Self { fsync, ..self }
    }
}

/// An open file. Several threads may use it at a time.
#[async_trait]
pub trait StoredFile: Send + Sync + 'static {
    /// Writes the pieces one after the other from `offset` on, which is at most the size of the file, and tells how many
    /// bytes it wrote, which may be fewer than there are. Writing over what is there needs no room.
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;

    /// Reads from `offset` on, and tells how many bytes it read: fewer than the buffer takes at the end of the file, and
    /// perhaps elsewhere; none only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Whether the file still has a name, so that it is found again: somebody else may have removed it.
    fn is_linked(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// Cuts the file to a smaller size.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Waits until everything that was written before the call survives a crash of the machine.
    ///
    /// # Errors
    /// After an error nobody knows what survives, and a later success says nothing of what was written before the error.
    ///
    /// # Cancellation
    /// Dropping the future leaves it open whether it does.
    async fn sync(&self) -> io::Result<()>;

    /// Fills the file with zeros up to a size, so that what is written there later needs no room.
    fn allocate(&self, size: u64) -> io::Result<()> {
        const ZEROS: [u8; 16 << 10] = [0; 16 << 10];
        let mut end = self.size()?;
        while end < size {
            let length = usize::try_from(size - end).unwrap_or(usize::MAX).min(ZEROS.len());
            self.write_all_at(&mut [IoSlice::new(&ZEROS[..length])], end)?;
            end += length as u64;
        }
        Ok(())
    }

    /// Writes all the pieces from `offset` on. After an error a part of them may be written. Leaves the slices in no
    /// particular state.
    fn write_all_at(&self, mut pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        // What is empty at the front would look like a write that came to nothing.
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            match self.write_at(pieces, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut pieces, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fills the buffer from `offset` on. [`io::ErrorKind::UnexpectedEof`] where the file is too short.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let read = self.read_full_at(buffer, offset)?;
        if read == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Fills the buffer from `offset` on as far as the file reaches, and tells how far that is.
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
