//! The file limit, and how many connections it allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;

/// Files that the rest of a program may want: the listener, logs, a database.
const OTHER_FILES: usize = 64;

/// Files that a handler on a pool thread may want.
const FILES_OF_A_THREAD: usize = 2;

/// Files by which the server speaks with a worker process: sockets, its output,
/// its process, segments.
const FILES_OF_A_PROCESS: usize = 8;

/// Raises the soft file limit to the hard one, and returns what holds then;
/// `None` is no limit.
pub(crate) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::debug!(%error, "the file limit stays as it is");
            limit.current
        }
    }
}

/// How many connections may be open at once. Where the file limit is so low
/// that nothing would be left, half of it goes to connections.
pub(crate) fn connections_max(settings: &Settings, files: Option<u64>) -> usize {
    let Some(files) = files.and_then(|files| usize::try_from(files).ok()) else {
        return settings.max_connections;
    };
    let aside = OTHER_FILES
        + FILES_OF_A_THREAD * settings.max_threads
        + FILES_OF_A_PROCESS * settings.max_processes;
    let spare = files.saturating_sub(aside);
    let allowed = spare.max(files / 2).max(1);
    if allowed < settings.max_connections {
        tracing::debug!(
            files,
            connections = allowed,
            "the file limit allows fewer connections"
        );
    }
    allowed.min(settings.max_connections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, resolve};

    #[test]
    fn the_file_limit_bounds_the_connections() {
        let (settings, _) = resolve(&Config::new().max_processes(3), None, []).unwrap();
        assert_eq!(connections_max(&settings, None), 25_000);
        assert_eq!(connections_max(&settings, Some(1_000_000)), 25_000);
        assert_eq!(
            connections_max(&settings, Some(10_000)),
            10_000 - 64 - 1024 - 24
        );
        assert_eq!(connections_max(&settings, Some(1_024)), 512);
        assert_eq!(connections_max(&settings, Some(1)), 1);
    }
}
