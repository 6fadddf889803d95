//! The file of an owner's values.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use otel_core::component::{Operation, StorageError};
use redb::backends::FileBackend;
use redb::{Builder, DatabaseError, Durability, ReadableDatabase as _, TableDefinition};

const VALUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("values");

/// What of the file is kept in memory.
const CACHE: usize = 1 << 20;

/// An open file of values. Blocks.
pub(super) struct Database {
    file: redb::Database,
    path: PathBuf,
    settings: Settings,
    /// Whether there are batches that only memory has.
    dirty: bool,
}

/// How a file of values is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) fsync: bool,
    pub(super) max_size: u64,
    pub(super) compact: bool,
}

impl Database {
    pub(super) fn open(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let backend = options.open(path).map_err(|error| OpenError::Failed(error.into()))?;
        let backend = FileBackend::new(backend)?;
        let mut file = Builder::new().set_cache_size(CACHE).create_with_backend(backend)?;
        if settings.compact {
            // What cannot be made smaller now works as it is.
            let _ = file.compact();
        }
        Ok(Self { file, path: path.to_owned(), settings, dirty: false })
    }

    /// Does a batch.
    pub(super) fn batch(&mut self, operations: &[Operation]) -> Result<Vec<Option<Bytes>>, StorageError> {
        self.check_room(operations)?;
        let changes = operations.iter().any(|operation| !matches!(operation, Operation::Get(_)));
        let answers = if changes { self.change(operations) } else { self.read(operations) };
        answers.map_err(|error| storage_error("access", &self.path, error))
    }

    /// Whether there are batches that a kill would take.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Writes out what only memory has.
    pub(super) fn flush(&mut self) -> Result<(), StorageError> {
        if !self.dirty {
            return Ok(());
        }
        let flush = || {
            let mut transaction = self.file.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.commit()?;
            Ok(())
        };
        flush().map_err(|error| storage_error("write", &self.path, error))?;
        self.dirty = false;
        Ok(())
    }

    fn check_room(&self, operations: &[Operation]) -> Result<(), StorageError> {
        let added: usize = operations
            .iter()
            .map(|operation| match operation {
                Operation::Set(key, value) => key.len() + value.len(),
                Operation::Get(_) | Operation::Delete(_) => 0,
            })
            .sum();
        let max_size = self.settings.max_size;
        if max_size == 0 || added == 0 {
            return Ok(());
        }
        let size = self.path.metadata().map_or(0, |metadata| metadata.len());
        if size + added as u64 <= max_size {
            return Ok(());
        }
        let path = self.path.display();
        Err(StorageError::full(format!("{path} takes {size} bytes, and may take {max_size}: see `max_size`")))
    }

    fn read(&self, operations: &[Operation]) -> Result<Vec<Option<Bytes>>, redb::Error> {
        let transaction = self.file.begin_read()?;
        let table = match transaction.open_table(VALUES) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(vec![None; operations.len()]),
            Err(error) => return Err(error.into()),
        };
        let mut answers = Vec::with_capacity(operations.len());
        for operation in operations {
            answers.push(match operation {
                Operation::Get(key) => value(&table, key)?,
                Operation::Set(..) | Operation::Delete(_) => None,
            });
        }
        Ok(answers)
    }

    fn change(&mut self, operations: &[Operation]) -> Result<Vec<Option<Bytes>>, redb::Error> {
        let mut transaction = self.file.begin_write()?;
        if !self.settings.fsync {
            transaction.set_durability(Durability::None)?;
        }
        let mut answers = Vec::with_capacity(operations.len());
        {
            let mut table = transaction.open_table(VALUES)?;
            for operation in operations {
                answers.push(match operation {
                    Operation::Get(key) => value(&table, key)?,
                    Operation::Set(key, value) => {
                        table.insert(key.as_str(), &**value)?;
                        None
                    }
                    Operation::Delete(key) => {
                        table.remove(key.as_str())?;
                        None
                    }
                });
            }
        }
        transaction.commit()?;
        self.dirty = !self.settings.fsync;
        Ok(answers)
    }
}

fn value(
    table: &impl redb::ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<Bytes>, redb::Error> {
    Ok(table.get(key)?.map(|value| Bytes::copy_from_slice(value.value())))
}

/// Why a file of values could not be opened.
pub(super) enum OpenError {
    /// It is no file of values, or a damaged one.
    Damaged(redb::Error),
    /// Something else.
    Failed(redb::Error),
}

impl From<DatabaseError> for OpenError {
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Storage(redb::StorageError::Corrupted(_))
            | DatabaseError::RepairAborted
            | DatabaseError::UpgradeRequired(_) => Self::Damaged(error.into()),
            DatabaseError::Storage(redb::StorageError::Io(cause)) if is_damage(cause) => {
                Self::Damaged(error.into())
            }
            _ => Self::Failed(error.into()),
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Gives a damaged file another name, and tells it.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".backup".to_owned() } else { format!(".backup.{number}") });
        PathBuf::from(name)
    };
    let mut number = 1;
    while name(number).exists() {
        number += 1;
    }
    let aside = name(number);
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// An error of the file, with its system's where it has one.
pub(super) fn storage_error(action: &str, path: &Path, error: redb::Error) -> StorageError {
    let message = StorageError::new(format!("failed to {action} {}", path.display()));
    match error {
        redb::Error::Io(error) => message.with_source(error),
        error => message.with_source(error),
    }
}
