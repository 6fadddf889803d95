use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs};

use super::FileStorage;

/// The configuration of the `file_storage` extension.
#[derive(Debug, Clone, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct FileStorageConfig {
    /// Where everything is stored. It belongs to one collector at a time.
    pub directory: String,
    /// Whether the directory is made where there is none.
    pub create_directory: bool,
    /// The permissions of a directory that is made, in octal.
    pub directory_permissions: String,
    /// How long another process that has the directory is waited for; zero for as long as it takes.
    pub timeout: Duration,
    /// Whether what is answered with success survives a crash of the machine. Otherwise it survives the process.
    pub fsync: bool,
    /// The most bytes that each owner's values, and each owner's files, may take; 0 for no bound.
    pub max_size: u64,
    /// Whether values whose file is damaged are set aside, and begun anew.
    pub recreate: bool,
    /// Making files smaller.
    pub compaction: CompactionConfig,
}

/// Making files smaller.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct CompactionConfig {
    /// Whether the file of an owner's values is compacted when it is opened.
    pub on_start: bool,
}

// === impl FileStorageConfig ===

impl FileStorageConfig {
    /// The permissions of a directory that is made.
    pub(super) fn mode(&self) -> Result<u32, &'static str> {
        let digits = self.directory_permissions.as_str();
        let mode = i32::from_str_radix(digits, 8)
            .map_err(|_| "directory_permissions value must be a valid octal representation")?;
        u32::try_from(mode)
            .ok()
            .filter(|mode| mode & !0o777 == 0)
            .ok_or("directory_permissions contain invalid bits for file access")
    }

    fn check_directory(&self) -> Result<(), String> {
        let directory = &self.directory;
        match Path::new(directory).metadata() {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(format!("{directory} is not a directory")),
            Err(error) if error.kind() == ErrorKind::NotFound && self.create_directory => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(format!(
                "directory must exist: stat {directory}: no such file or directory. You can enable the \
                 create_directory option to automatically create it"
            )),
            Err(error) => Err(format!("problem accessing configured directory: {directory}, err: {error}")),
        }
    }
}

impl Default for FileStorageConfig {
    fn default() -> Self {
        Self {
            directory: "/var/lib/otelcol/file_storage".to_owned(),
            create_directory: false,
            directory_permissions: "0750".to_owned(),
            timeout: Duration::from_secs(1),
            fsync: false,
            max_size: 0,
            recreate: false,
            compaction: CompactionConfig::default(),
        }
    }
}

impl Decode for FileStorageConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            directory,
            create_directory,
            directory_permissions,
            timeout,
            fsync,
            max_size,
            recreate,
            compaction,
        } = self;
        fields.take("directory", directory);
        fields.take("create_directory", create_directory);
        fields.take("directory_permissions", directory_permissions);
        fields.take("timeout", timeout);
        fields.take("fsync", fsync);
        fields.take("max_size", max_size);
        fields.take("recreate", recreate);
        fields.take("compaction", compaction);
    }
}

impl ComponentConfig for FileStorageConfig {
    const TYPE: &'static str = "file_storage";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if let Err(problem) = self.check_directory() {
            broken.push(Invalid::new("directory", problem));
        }
        if self.create_directory
            && let Err(problem) = self.mode()
        {
            broken.push(Invalid::new("directory_permissions", problem));
        }
        broken
    }
}

impl ExtensionFactory for FileStorageConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(FileStorage::new(self.clone(), host)))
    }
}

// === impl CompactionConfig ===

impl Decode for CompactionConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { on_start } = self;
        fields.take("on_start", on_start);
        let reused = "freed room is used again, and a queue's files are removed as it drains";
        fields.tolerated("on_rebound", reused);
        fields.tolerated("rebound_needed_threshold_mib", reused);
        fields.tolerated("rebound_trigger_threshold_mib", reused);
        fields.tolerated("check_interval", reused);
        let in_place = "a file is compacted in its place, in one go";
        fields.tolerated("directory", in_place);
        fields.tolerated("max_transaction_size", in_place);
        fields.tolerated("cleanup_on_start", in_place);
    }
}
