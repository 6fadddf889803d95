//! A queue on `fjall`, a log-structured merge tree, with large values in files of their own.

use std::path::Path;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use crate::Queue;

pub(crate) struct FjallQueue {
    database: Database,
    records: Keyspace,
    fsync: bool,
    first: u64,
    end: u64,
}

impl Queue for FjallQueue {
    fn open(directory: &Path, fsync: bool) -> Self {
        let database = Database::builder(directory).open().expect("the directory is empty");
        let options =
            || KeyspaceCreateOptions::default().with_kv_separation(Some(KvSeparationOptions::default()));
        let records = database.keyspace("records", options).expect("it is made");
        Self { database, records, fsync, first: 0, end: 0 }
    }

    fn push(&mut self, record: &Bytes) {
        self.records.insert(self.end.to_be_bytes(), &record[..]).expect("the disk has room");
        if self.fsync {
            self.database.persist(PersistMode::SyncData).expect("the disk has room");
        }
        self.end += 1;
    }

    fn pop(&mut self, look: impl FnOnce(&[u8])) {
        let key = self.first.to_be_bytes();
        look(&self.records.get(key).expect("it can be read").expect("it was pushed"));
        // Each key is written once, which is what makes this cheaper than `remove`.
        self.records.remove_weak(key).expect("the disk has room");
        self.first += 1;
    }
}
