//! How much memory this process may use: what the machine has, what the process's
//! control groups leave of it, and its own limits on address space and data.

use std::{fs, path::Path};

use hybrid_engine::os::cgroup;

/// Where the system says nothing.
const UNKNOWN: u64 = 1 << 30;

/// Bytes.
pub(super) fn allowed() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo");
    let machine = machine.ok().and_then(|text| total(&text));
    let groups = (Path::new(cgroup::MEMBERSHIP), Path::new(cgroup::ROOT));
    let limits = [machine, limit_of_groups(groups), own_limit()];
    limits.into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// The least limit of the process's control groups and those around them.
fn limit_of_groups(places: (&Path, &Path)) -> Option<u64> {
    // That there is none, version 1 says by a huge number and version 2 by `max`.
    cgroup::least("memory", places, limit_v1, limit_v2)
}

fn limit_v1(group: &Path) -> Option<u64> {
    number(&group.join("memory.limit_in_bytes"))
}

fn limit_v2(group: &Path) -> Option<u64> {
    number(&group.join("memory.max"))
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// `MemTotal:       24683964 kB`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(target_os = "linux")]
fn own_limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};

    let limits = [Resource::As, Resource::Data].map(|which| getrlimit(which).current);
    limits.into_iter().flatten().min()
}

#[cfg(not(target_os = "linux"))]
fn own_limit() -> Option<u64> {
    None
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// The limit of a process that is in that group, with those files.
    fn limit(name: &str, membership: &str, files: &[(&str, &str)]) -> Option<u64> {
        let root = std::env::temp_dir().join(format!("hybrid-{name}-{}", std::process::id()));
        write(root.join("membership"), membership);
        for (file, text) in files {
            write(root.join(file), text);
        }
        let limit = limit_of_groups((&root.join("membership"), &root));
        let _ = fs::remove_dir_all(root);
        limit
    }

    #[test]
    fn the_least_limit_around_counts() {
        let files = [
            ("outer/memory.max", "209715200\n"),
            ("outer/inner/memory.max", "max\n"),
        ];
        assert_eq!(
            limit("memory-v2", "0::/outer/inner\n", &files),
            Some(209_715_200)
        );
        let files = [
            (
                "memory/group/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("memory/memory.limit_in_bytes", "104857600\n"),
        ];
        let membership = "4:memory:/group\n0::/\n";
        assert_eq!(limit("memory-v1", membership, &files), Some(104_857_600));
        assert_eq!(limit("memory-none", "0::/\n", &[]), None);
    }

    #[test]
    fn the_machine_says_what_it_has() {
        let meminfo = "MemFree: 1 kB\nMemTotal:       24683964 kB\n";
        assert_eq!(total(meminfo), Some(24_683_964 * 1024));
        assert_eq!(total("MemTotal: many"), None);
        assert!(allowed() > 1 << 20);
    }
}
