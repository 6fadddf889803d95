//! What the README shows is this example.

use std::fs;
use std::path::Path;

#[test]
fn the_readme_shows_the_code_of_this_example() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = fs::read_to_string(here.join("src/main.rs")).unwrap();
    let (_, code) = code.split_once("\n\n").unwrap();
    let readme = fs::read_to_string(here.join("../../README.md")).unwrap();
    assert!(readme.contains(&format!("```rust\n{code}```\n")), "the README shows other code than\n{code}");
}
