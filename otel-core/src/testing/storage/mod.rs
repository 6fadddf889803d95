//! Storage in memory that fails as disks and machines do.

mod disk;
mod files;
mod memory;
mod state;
#[cfg(test)]
mod tests;

pub use memory::MemoryStorage;
