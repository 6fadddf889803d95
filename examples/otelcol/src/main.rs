//! A collector.
fn main() {}
