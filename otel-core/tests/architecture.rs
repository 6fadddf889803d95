//! The invariants of `docs/architecture.md` that can be read off the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 5] =
    ["otel-core", "otel-receivers", "otel-processors", "otel-exporters", "otel-operator"];
const LONGEST_FILE: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files below a folder with this extension, without what was built.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// The sources of a crate with their code: no tests, no comments.
fn sources(name: &str) -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    files(&root().join(name).join("src"), "rs", &mut found);
    found.retain(|path| {
        !path
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "testing.rs")))
    });
    assert!(!found.is_empty(), "{name} has sources");
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let lines = lines.map(str::to_owned).collect();
            (path, lines)
        })
        .collect()
}

fn assert_nowhere(what: &str, needles: &[&str], allowed: impl Fn(&str) -> bool) {
    let mut found = Vec::new();
    for name in CRATES {
        for (path, lines) in sources(name) {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            for line in lines.iter().filter(|_| !allowed(&path)) {
                if needles.iter().any(|needle| line.contains(needle)) {
                    found.push(format!("{path}: {line}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn component_crates_see_core_only() {
    for name in CRATES {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for other in CRATES.into_iter().filter(|other| !matches!(*other, "otel-core")) {
            assert!(!dependencies.contains(other), "{name} depends on {other}");
        }
    }
}

#[test]
fn modules_of_core_have_no_cycle() {
    let modules = ["pdata", "component", "telemetry", "config", "engine", "service", "net", "cli"];
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let core = root().join("otel-core/src");
    for (path, lines) in sources("otel-core") {
        let inside = path.strip_prefix(&core).unwrap();
        let module = inside.iter().next().unwrap().to_string_lossy().into_owned();
        for line in &lines {
            for (_, rest) in line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len()))
            {
                let used: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if modules.contains(&used.as_str()) && used != module {
                    uses.entry(module.clone()).or_default().insert(used);
                }
            }
        }
    }
    assert!(uses["service"].contains("engine"), "uses are found");
    // What uses nothing that is left can be taken away; a cycle stays.
    let mut left: BTreeSet<&str> = modules.into_iter().collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|module| {
                uses.get(*module).is_none_or(|used| !used.iter().any(|used| left.contains(used.as_str())))
            })
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    assert!(left.is_empty(), "a cycle goes through {left:?}: {uses:?}");
}

#[test]
fn unsafe_code_is_in_two_files() {
    let unsafes = ["unsafe {", "unsafe fn", "unsafe impl", "expect(unsafe_code", "allow(unsafe_code"];
    let allowed = ["otel-core/src/pdata/raw.rs", "otel-processors/src/memory_limiter/memory.rs"];
    assert_nowhere("unsafe code", &unsafes, |path| allowed.contains(&path));
}

#[test]
fn only_net_opens_sockets() {
    let sockets = [
        "TcpListener::bind",
        "TcpStream::connect",
        "UdpSocket::bind",
        "UnixListener::bind",
        "UnixStream::connect",
        "Socket::new",
    ];
    assert_nowhere("sockets beside `net`", &sockets, |path| path.starts_with("otel-core/src/net/"));
}

#[test]
fn only_the_engine_net_and_what_stands_around_a_collector_start_tasks() {
    let starts = ["tokio::spawn", "task::spawn", "JoinSet::", "thread::spawn", "spawn_blocking"];
    let allowed = [
        "otel-core/src/engine/",
        "otel-core/src/net/",
        "otel-core/src/service/telemetry/",
        "otel-core/src/cli/",
        "otel-core/src/testing/",
    ];
    assert_nowhere("tasks elsewhere", &starts, |path| {
        allowed.iter().any(|allowed| path.starts_with(allowed))
    });
}

#[test]
fn files_are_read_in_one_sitting() {
    for name in CRATES {
        for (path, lines) in sources(name) {
            assert!(lines.len() <= LONGEST_FILE, "{} has {} lines", path.display(), lines.len());
        }
    }
}

#[test]
fn every_component_has_a_readme() {
    let mut components = 0;
    for name in ["otel-receivers", "otel-processors", "otel-exporters"] {
        let mut found = Vec::new();
        files(&root().join(name).join("src"), "rs", &mut found);
        for module in found.into_iter().filter(|path| path.ends_with("mod.rs")) {
            let folder = module.parent().unwrap();
            let is_component = fs::read_dir(folder).unwrap().any(|entry| {
                let name = entry.unwrap().file_name();
                ["exporter.rs", "receiver.rs", "processor.rs", "connector.rs", "extension.rs"]
                    .iter()
                    .any(|file| name == *file)
            });
            if is_component {
                components += 1;
                assert!(folder.join("README.md").exists(), "{} has no README.md", folder.display());
            }
        }
    }
    assert!(components > 5, "components are found");
}

#[test]
fn links_of_the_documentation_lead_somewhere() {
    let mut documents = Vec::new();
    files(&root(), "md", &mut documents);
    let mut links = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            // Paths of Rust items, as rustdoc reads them, are checked by rustdoc.
            if file.is_empty() || file.contains("::") || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let target = document.parent().unwrap().join(file);
            assert!(target.exists(), "{} links to {link}, which is not there", document.display());
        }
    }
    assert!(links > 10, "links are found");
}
