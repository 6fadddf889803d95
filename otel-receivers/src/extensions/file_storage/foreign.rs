//! Storage that the Go collector has left.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The names of the files in a directory that are databases of the Go collector.
pub(super) fn databases(directory: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && is_database(&entry.path()) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the file begins as a database of bbolt does: with a page that says so behind its header.
fn is_database(path: &Path) -> bool {
    const MAGIC: u32 = 0xED0C_DAED;
    let mut head = [0; 24];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let number = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    read.is_ok() && number(16) == MAGIC && number(20) == 2
}
