use std::fs;
use std::io::{IoSlice, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use otel_core::component::{
    Capabilities, Component as _, ComponentConfig as _, ComponentKind, Extension as _, KeyedState, Operation,
    Owner, StartError, Storage,
};
use otel_core::config;
use otel_core::testing::TestHost;
use tokio::time::Instant;

use super::*;

fn read(yaml: &str) -> Result<FileStorageConfig, String> {
    config::from_yaml("storage.yaml", yaml).map_err(|errors| errors.to_string())
}

fn in_directory(directory: &Path) -> FileStorageConfig {
    FileStorageConfig { directory: directory.display().to_string(), ..FileStorageConfig::default() }
}

fn owner(id: &str, name: &str) -> Owner {
    Owner::new(ComponentKind::Receiver, id.parse().unwrap(), name)
}

/// A storage, started as by a collector.
struct Started {
    host: TestHost,
    storage: Arc<FileStorage>,
}

impl Started {
    async fn new(config: FileStorageConfig) -> Result<Self, StartError> {
        let host = TestHost::new(ComponentKind::Extension, "file_storage");
        let storage = Arc::new(FileStorage::new(config, &host.host()));
        storage.start().await?;
        Ok(Self { host, storage })
    }

    async fn state(&self, id: &str) -> Arc<dyn KeyedState> {
        self.storage.state(&owner(id, "")).await.unwrap()
    }
}

/// How many bytes an owner's file of values has.
fn size(directory: &Path) -> u64 {
    directory.join("receiver_file_log_.redb").metadata().unwrap().len()
}

#[tokio::test]
async fn values_are_found_again() {
    let directory = tempfile::tempdir().unwrap();
    for (round, fsync) in [false, true, false].into_iter().enumerate() {
        let config = FileStorageConfig { fsync, ..in_directory(directory.path()) };
        let started = Started::new(config).await.unwrap();
        let state = started.state("file_log").await;
        let last = state.get("round").await.unwrap();
        assert_eq!(last, round.checked_sub(1).map(|last| Bytes::from(last.to_string())));
        let set = Operation::Set("round".to_owned(), round.to_string().into());
        let get = Operation::Get("round".to_owned());
        let delete = Operation::Delete("gone".to_owned());
        state.set("gone", Bytes::from("x")).await.unwrap();
        let answers = state.batch(vec![set, get, delete]).await.unwrap();
        assert_eq!(answers, [None, Some(round.to_string().into()), None]);
        assert_eq!(state.get("gone").await.unwrap(), None);
        drop(state);
        started.storage.shutdown(Instant::now()).await;
    }
    let mode = |name: &str| directory.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("receiver_file_log_.redb"), 0o600);
    assert_eq!(mode("otelcol.lock"), 0o600);
}

#[tokio::test]
async fn a_closed_state_is_written_and_takes_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    let state = started.state("file_log").await;
    state.set("a", Bytes::from("1")).await.unwrap();
    state.close().await.unwrap();
    let error = state.set("a", Bytes::from("2")).await.unwrap_err();
    assert!(error.to_string().ends_with("receiver_file_log_.redb is closed"), "{error}");
    drop(state);
    assert_eq!(started.state("file_log").await.get("a").await.unwrap(), Some(Bytes::from("1")));
}

/// A copy of the file is what a kill leaves of it.
#[tokio::test]
async fn what_was_set_is_written_before_long() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    let state = started.state("file_log").await;
    state.set("a", Bytes::from("1")).await.unwrap();
    let copies = tempfile::tempdir().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let copy = tempfile::tempdir_in(copies.path()).unwrap();
        let name = "receiver_file_log_.redb";
        fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
        let other = Started::new(in_directory(copy.path())).await.unwrap();
        if other.state("file_log").await.get("a").await.unwrap().is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "it is never written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(started.host.logs().is_empty());
}

#[tokio::test]
async fn files_are_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    let of = Owner::new(
        ComponentKind::Exporter,
        "otlp/eu~1".parse().unwrap_or("otlp/eu".parse().unwrap()),
        "traces",
    );
    let files = started.storage.files(&of).await.unwrap();
    assert!(started.storage.files(&of).await.err().unwrap().is_in_use());
    let file = files.create("a.log").unwrap();
    assert_eq!(files.create("a.log").err().unwrap().kind(), std::io::ErrorKind::AlreadyExists);
    file.allocate(10).unwrap();
    let pieces: Vec<_> = (0..3_000_u32).map(u32::to_le_bytes).collect();
    let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    file.write_all_at(&mut slices, 8).unwrap();
    file.sync().await.unwrap();
    files.sync().await.unwrap();
    assert_eq!(file.size().unwrap(), 8 + 12_000);
    files.create("b").unwrap();
    assert_eq!(files.rename("b", "a.log").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    files.rename("b", "c").unwrap();
    let path = directory.path().join("exporter_otlp_eu_traces.files");
    assert_eq!(files.location("a.log"), path.join("a.log").display().to_string());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(path.join("a.log").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    drop(files);
    assert!(started.storage.files(&of).await.err().unwrap().is_in_use(), "a file is still open");
    drop(file);

    let files = started.storage.files(&of).await.unwrap();
    let mut names = files.names().unwrap();
    names.sort();
    assert_eq!(names, ["a.log", "c"]);
    let file = files.open("a.log").unwrap();
    let mut read = vec![0; 12_000];
    file.read_exact_at(&mut read, 8).unwrap();
    assert_eq!(read, pieces.concat());
    file.truncate(9).unwrap();
    assert!(file.read_exact_at(&mut read, 8).is_err());
    files.remove("c").unwrap();
    assert_eq!(files.names().unwrap(), ["a.log"]);
}

#[tokio::test]
async fn an_owner_has_its_state_once_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    let state = started.state("file_log").await;
    let error = started.storage.state(&owner("file_log", "")).await.err().unwrap();
    assert!(error.is_in_use());
    let path = directory.path().canonicalize().unwrap().join("receiver_file_log_.redb");
    let expected = format!("{} of receiver \"file_log\" is in use by another instance", path.display());
    assert_eq!(error.to_string(), expected);
    started.state("file_log/other").await;
    drop(state);
    started.state("file_log").await;
}

#[tokio::test]
async fn a_second_collector_is_told_who_has_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = Started::new(in_directory(directory.path())).await.unwrap();
    let config = FileStorageConfig { timeout: Duration::from_millis(1), ..in_directory(directory.path()) };
    let error = Started::new(config).await.err().unwrap();
    assert!(error.is_in_use());
    let path = directory.path().canonicalize().unwrap();
    let expected = format!(
        "the directory {} is in use by another collector of this process: each collector needs one of its own",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    fs::write(path.join("otelcol.lock"), "4711").unwrap();
    let config = FileStorageConfig { timeout: Duration::from_millis(1), ..in_directory(directory.path()) };
    let error = Started::new(config).await.err().unwrap().to_string();
    assert!(error.contains("is in use by the process 4711"), "{error}");
    // The second waits for its timeout.
    let second =
        Started::new(FileStorageConfig { timeout: Duration::ZERO, ..in_directory(directory.path()) });
    let ((), second) = tokio::join!(async { drop(first) }, second);
    second.unwrap();
}

#[tokio::test]
async fn extensions_of_one_collector_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let host = TestHost::new(ComponentKind::Extension, "file_storage");
    let one = FileStorage::new(in_directory(directory.path()), &host.host());
    let other = FileStorage::new(in_directory(directory.path()), &host.host());
    one.start().await.unwrap();
    other.start().await.unwrap();
    let state = one.state(&owner("file_log", "")).await.unwrap();
    assert!(other.state(&owner("file_log", "")).await.err().unwrap().is_in_use());
    drop(state);
    other.state(&owner("file_log", "")).await.unwrap();
}

#[tokio::test]
async fn it_is_offered_before_its_start_and_works_after() {
    let directory = tempfile::tempdir().unwrap();
    let host = TestHost::new(ComponentKind::Extension, "file_storage/mine");
    let storage = Arc::new(FileStorage::new(in_directory(directory.path()), &host.host()));
    let mut capabilities = Capabilities::default();
    let id = host.host().id().clone();
    capabilities.set_provider(id.clone());
    Arc::clone(&storage).provide(&mut capabilities);
    let offered = capabilities.get::<dyn Storage>(&id).unwrap();
    let error = offered.state(&owner("file_log", "")).await.err().unwrap();
    assert_eq!(error.to_string(), "extension \"file_storage/mine\" is not started");
    storage.start().await.unwrap();
    offered.state(&owner("file_log", "")).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_named_and_recreated_only_if_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receiver_file_log_.redb");
    for bytes in [b"no database at all".to_vec(), vec![7; 100_000], vec![0; 5_000]] {
        fs::write(&path, &bytes).unwrap();
        let started = Started::new(in_directory(directory.path())).await.unwrap();
        let error = started.storage.state(&owner("file_log", "")).await.err().unwrap();
        let expected = "receiver_file_log_.redb is damaged; `recreate` sets it aside and begins anew";
        assert!(error.to_string().ends_with(expected), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "it is as it was");
        drop(started);

        let config = FileStorageConfig { recreate: true, ..in_directory(directory.path()) };
        let started = Started::new(config).await.unwrap();
        let state = started.state("file_log").await;
        state.set("a", Bytes::from("1")).await.unwrap();
        assert_eq!(started.host.logs()[0].message, "Stored state is damaged, beginning anew");
        drop(state);
        drop(started);
        fs::remove_file(&path).unwrap();
    }
    let backup = |ending: &str| fs::read(format!("{}{ending}", path.display())).unwrap().len();
    assert_eq!([backup(".backup"), backup(".backup.2"), backup(".backup.3")], [18, 100_000, 5_000]);
}

#[tokio::test]
async fn values_beyond_the_bound_are_refused_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    started.state("file_log").await.set("a", Bytes::from("1")).await.unwrap();
    drop(started);
    let max_size = size(directory.path()) + 1_000;
    let started =
        Started::new(FileStorageConfig { max_size, ..in_directory(directory.path()) }).await.unwrap();
    let state = started.state("file_log").await;
    let error = state.set("b", Bytes::from(vec![1; 2_000])).await.unwrap_err();
    assert!(error.is_full());
    assert!(error.to_string().contains(&format!("may take {max_size}: see `max_size`")), "{error}");
    state.set("b", Bytes::from(vec![1; 500])).await.unwrap();
    state.delete("a").await.unwrap();
    assert_eq!(state.get("b").await.unwrap().unwrap().len(), 500);
}

#[tokio::test]
async fn a_file_is_compacted_when_it_is_opened_if_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    let state = started.state("file_log").await;
    for key in 0..40 {
        state.set(&key.to_string(), Bytes::from(vec![1; 500_000])).await.unwrap();
    }
    for key in 0..39 {
        state.delete(&key.to_string()).await.unwrap();
    }
    state.close().await.unwrap();
    drop(state);
    drop(started);
    let before = size(directory.path());
    let compaction = CompactionConfig { on_start: true };
    let started =
        Started::new(FileStorageConfig { compaction, ..in_directory(directory.path()) }).await.unwrap();
    let state = started.state("file_log").await;
    assert_eq!(state.get("39").await.unwrap().unwrap().len(), 500_000);
    let after = size(directory.path());
    assert!(after < before / 4, "{before} {after}");
}

#[tokio::test]
async fn storage_of_the_go_collector_is_left_alone_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut bolt = vec![0; 16];
    bolt.extend(0xED0C_DAED_u32.to_ne_bytes());
    bolt.extend(2_u32.to_ne_bytes());
    bolt.resize(32 << 10, 0);
    for name in ["receiver_filelog_", "exporter_otlp__traces"] {
        fs::write(directory.path().join(name), &bolt).unwrap();
    }
    fs::File::create(directory.path().join("other")).unwrap().write_all(b"other").unwrap();
    let error = Started::new(in_directory(directory.path())).await.err().unwrap();
    let expected = format!(
        "the directory {} holds storage of the Go collector, which would be left behind: exporter_otlp__traces, \
         receiver_filelog_; let that collector send what is in it, or move the files away",
        directory.path().canonicalize().unwrap().display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read(directory.path().join("receiver_filelog_")).unwrap(), bolt);
}

#[tokio::test]
async fn a_directory_is_made_with_its_permissions() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b");
    let config = FileStorageConfig {
        create_directory: true,
        directory_permissions: "0700".to_owned(),
        ..in_directory(&directory)
    };
    assert!(config.validate().is_empty());
    Started::new(config).await.unwrap();
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn owners_have_the_names_that_the_go_collector_gives_them() {
    let name = |id: &str, what: &str| name::of(&owner(id, what));
    assert_eq!(name("filelog", ""), "receiver_filelog_");
    assert_eq!(name("file_log/pods", ""), "receiver_file_log_pods");
    assert_eq!(name("otlp/a-b", "traces"), "receiver_otlp_a-b_traces");
    assert_eq!(name("otlp/a/é", "x~ "), "receiver_otlp_a~002F~00E9_x~007E~0020");
    let long = name(&format!("otlp/{}", "x".repeat(300)), "");
    assert_eq!(long.len(), 64);
    assert_ne!(long, name(&format!("otlp/{}", "x".repeat(301)), ""));
}

#[test]
fn the_directory_has_to_be_there_or_be_made() {
    let parent = tempfile::tempdir().unwrap();
    let problems = |yaml: &str| {
        let yaml = yaml.replace("DIR", &parent.path().display().to_string());
        match read(&yaml) {
            Ok(config) => config.validate().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Err(errors) => errors,
        }
        .replace(&parent.path().display().to_string(), "DIR")
    };
    fs::write(parent.path().join("file"), "").unwrap();
    assert_eq!(problems("directory: DIR"), "");
    assert!(problems("directory: DIR/no").contains(
        "directory must exist: stat DIR/no: no such file or directory. You can enable the create_directory option \
         to automatically create it"
    ));
    assert_eq!(problems("{directory: DIR/no, create_directory: true}"), "");
    assert!(problems("directory: DIR/file").contains("DIR/file is not a directory"));
    assert!(
        problems("directory: DIR/file/no")
            .contains("problem accessing configured directory: DIR/file/no, err: ")
    );
    let mode = |mode: &str| {
        problems(&format!("{{directory: DIR, create_directory: true, directory_permissions: '{mode}'}}"))
    };
    assert!(mode("999").contains("directory_permissions value must be a valid octal representation"));
    assert!(mode("07777").contains("directory_permissions contain invalid bits for file access"));
    assert!(mode("-1").contains("directory_permissions contain invalid bits for file access"));
    assert_eq!(mode("0755"), "");
    assert_eq!(problems("{directory: DIR, directory_permissions: '999'}"), "", "it is not made");
}

#[test]
fn the_keys_of_the_go_collector_are_known() {
    let config = read(
        "{directory: /tmp, timeout: 2s, fsync: true, create_directory: true, directory_permissions: '0700', max_size: 5, \
         recreate: true, compaction: {on_start: true, on_rebound: true, directory: /tmp, max_transaction_size: 1, \
         rebound_needed_threshold_mib: 1, rebound_trigger_threshold_mib: 1, check_interval: 1s, cleanup_on_start: true}}",
    );
    let config = config.unwrap();
    assert!(config.fsync && config.recreate && config.compaction.on_start);
    assert_eq!((config.max_size, config.timeout), (5, Duration::from_secs(2)));
    assert!(read("compaction: {on_star: true}").unwrap_err().contains("did you mean `on_start`?"));
}

#[test]
fn the_readme_shows_a_configuration() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    for (id, create) in [("file_storage:", true), ("file_storage/careful:", true)] {
        let block = yaml.split(&format!("  {id}\n")).nth(1).unwrap();
        let keys: Vec<_> = block.lines().take_while(|line| line.starts_with("    ")).collect();
        let config = read(&keys.join("\n")).unwrap();
        assert_eq!(config.create_directory, create);
        assert_eq!(config.fsync, id.contains("careful"));
    }
}

#[tokio::test]
async fn an_empty_file_of_values_is_as_large_as_the_readme_says() {
    let directory = tempfile::tempdir().unwrap();
    let started = Started::new(in_directory(directory.path())).await.unwrap();
    started.state("file_log").await.set("a", Bytes::from("1")).await.unwrap();
    drop(started);
    assert!(include_str!("README.md").contains("A file of values has 1 MiB at least"));
    let mib = size(directory.path()) as f64 / f64::from(1 << 20);
    assert!((0.9..1.1).contains(&mib), "{mib}");
}
