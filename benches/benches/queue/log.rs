//! The log that persistent queues are made of, in the files of the `file_storage` extension.

use std::collections::VecDeque;
use std::path::Path;
use std::slice;

use bytes::Bytes;
use otel_core::component::{Component as _, ComponentKind, Owner, Storage as _};
use otel_core::testing::TestHost;
use otel_exporters::sending::log::{Log, LogOptions, RecordId};
use otel_receivers::extensions::file_storage::{FileStorage, FileStorageConfig};
use tokio::runtime::Runtime;

use crate::Queue;

pub(crate) struct LogQueue {
    log: Log,
    waiting: VecDeque<RecordId>,
    runtime: Runtime,
}

impl Queue for LogQueue {
    fn open(directory: &Path, fsync: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("the system has threads");
        let files = runtime.block_on(async {
            let mut config = FileStorageConfig::default();
            config.directory = directory.to_str().expect("the name is in ASCII").to_owned();
            config.fsync = fsync;
            let host = TestHost::new(ComponentKind::Extension, "file_storage");
            let storage = FileStorage::new(config, &host.host());
            storage.start().await.expect("nobody else has the directory");
            let owner = Owner::new(ComponentKind::Exporter, "otlp".parse().expect("it is an id"), "traces");
            storage.files(&owner).await.expect("nobody else is the owner")
        });
        let (log, _) = Log::open(files, &LogOptions::new()).expect("the directory is empty");
        Self { log, waiting: VecDeque::new(), runtime }
    }

    fn push(&mut self, record: &Bytes) {
        let appended = self.runtime.block_on(self.log.append(slice::from_ref(record)));
        self.waiting.push_back(appended.expect("the disk has room"));
    }

    fn pop(&mut self, look: impl FnOnce(&[u8])) {
        let id = self.waiting.pop_front().expect("it was pushed");
        look(&self.log.read(id).expect("it is there, and whole"));
        self.log.acknowledge(id).expect("that needs no room");
    }
}
