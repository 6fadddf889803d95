//! How much memory there is, and how much of it the process holds.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

/// Measures and gives back memory.
pub trait Memory: Debug + Send + Sync + 'static {
    /// Bytes that the process holds, where that can be told.
    fn used(&self) -> Option<u64>;

    /// Gives back what was freed and is still held.
    fn reclaim(&self);
}

/// The resident memory of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessMemory;

impl Memory for ProcessMemory {
    fn used(&self) -> Option<u64> {
        let statm = fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    fn reclaim(&self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        #[expect(
            unsafe_code,
            reason = "glibc keeps freed memory until it is asked, and no safe function asks it"
        )]
        // SAFETY: `malloc_trim` has no preconditions and is safe to call from any thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

/// Bytes of memory that the process may use: the limit of its cgroup, or what the machine has.
pub(super) fn total() -> Option<u64> {
    let machine = kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = cgroup_limit(Path::new("/sys/fs/cgroup"), &cgroups);
    Some(limit.map_or(machine, |limit| limit.min(machine)))
}

/// The tightest limit on the way from the process's cgroup to the root: v2 where there is one, otherwise v1.
fn cgroup_limit(root: &Path, cgroups: &str) -> Option<u64> {
    let (mut v2, mut v1) = (None, None);
    for line in cgroups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let path = Path::new(path.trim_start_matches('/'));
        if controllers.is_empty() {
            v2 = tightest(root, path, "memory.max");
        } else if controllers.split(',').any(|name| name == "memory") {
            v1 = tightest(&root.join("memory"), path, "memory.limit_in_bytes");
        }
    }
    v2.or(v1)
}

/// In a container the path is often that of the host, and the limit stands at the root.
fn tightest(root: &Path, path: &Path, file: &str) -> Option<u64> {
    let limit = |dir: &Path| fs::read_to_string(root.join(dir).join(file)).ok()?.trim().parse::<u64>().ok();
    path.ancestors().filter_map(limit).min()
}

fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let count: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(count << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_holds_some_memory_and_less_than_there_is() {
        let used = ProcessMemory.used().expect("linux tells it");
        assert!(used > 100_000 && used < total().expect("linux tells it"));
    }

    #[test]
    fn the_tightest_cgroup_limit_on_the_way_to_the_root_counts() {
        let root = tempfile::tempdir().expect("a directory");
        let inner = root.path().join("pods/a");
        fs::create_dir_all(&inner).expect("directories");
        fs::write(inner.join("memory.max"), "max\n").expect("a file");
        fs::write(root.path().join("pods/memory.max"), "1048576\n").expect("a file");
        assert_eq!(cgroup_limit(root.path(), "0::/pods/a\n"), Some(1 << 20));
        assert_eq!(cgroup_limit(root.path(), "0::/elsewhere\n"), None);
        let v1 = root.path().join("memory");
        fs::create_dir_all(&v1).expect("directories");
        fs::write(v1.join("memory.limit_in_bytes"), "2097152\n").expect("a file");
        assert_eq!(cgroup_limit(root.path(), "4:cpu,memory:/docker/x\n"), Some(2 << 20));
    }
}
