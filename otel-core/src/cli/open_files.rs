//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what an administrator allows, as programs in Go do. The usual 1024 are a default for programs that
/// call `select`, and fewer than the connections that a server takes.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised the servers say so when they run out of it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let limit = getrlimit(Resource::Nofile);
        let less = limit.maximum.map_or(1 << 20, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(less), ..limit }).unwrap();
        raise_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, limit.maximum);
    }
}
