//! A queue on `redb`, a tree of pages that are copied on writing.

use std::path::Path;

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase as _, TableDefinition, WriteTransaction};

use crate::Queue;

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

/// Pages are used again only after a commit that reaches the disk, so one in so many does where none has to.
const DURABLE_EVERY: u64 = 256;

pub(crate) struct RedbQueue {
    database: Database,
    fsync: bool,
    first: u64,
    end: u64,
}

impl RedbQueue {
    fn change(&self, durable: bool, change: impl FnOnce(&WriteTransaction)) {
        let mut transaction = self.database.begin_write().expect("there is no other transaction");
        let durability = if durable { Durability::Immediate } else { Durability::None };
        transaction.set_durability(durability).expect("there are no savepoints");
        change(&transaction);
        transaction.commit().expect("the disk has room");
    }
}

impl Queue for RedbQueue {
    fn open(directory: &Path, fsync: bool) -> Self {
        let database = Database::create(directory.join("queue.redb")).expect("the directory is empty");
        let queue = Self { database, fsync, first: 0, end: 0 };
        queue.change(true, |transaction| drop(transaction.open_table(RECORDS).expect("it is made")));
        queue
    }

    fn push(&mut self, record: &Bytes) {
        self.change(self.fsync || self.end.is_multiple_of(DURABLE_EVERY), |transaction| {
            let mut table = transaction.open_table(RECORDS).expect("it was made");
            table.insert(self.end, &record[..]).expect("the disk has room");
        });
        self.end += 1;
    }

    fn pop(&mut self, look: impl FnOnce(&[u8])) {
        let transaction = self.database.begin_read().expect("the database is open");
        let table = transaction.open_table(RECORDS).expect("it was made");
        let record = table.get(self.first).expect("it can be read").expect("it was pushed");
        look(record.value());
        drop((record, table, transaction));
        self.change(false, |transaction| {
            let mut table = transaction.open_table(RECORDS).expect("it was made");
            table.remove(self.first).expect("it can be removed");
        });
        self.first += 1;
    }
}
