//! What control groups, of either version, say of this process.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the system says which groups this process is in.
pub const MEMBERSHIP: &str = "/proc/self/cgroup";
/// Where the groups are.
pub const ROOT: &str = "/sys/fs/cgroup";

/// Reads a limit from the directory of a group; `None` where it has none.
pub type Read<T> = fn(&Path) -> Option<T>;

/// The least limit of one kind among the process's groups and those around them, read by
/// `second` where the groups are of version 2, by `first` where they are of version
/// 1; `None` where there is no limit.
pub fn least<T: PartialOrd>(
    controller: &str,
    (membership, root): (&Path, &Path),
    first: Read<T>,
    second: Read<T>,
) -> Option<T> {
    let membership = fs::read_to_string(membership).ok()?;
    let limits = membership.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        match controllers {
            "" => least_around(root, path, second),
            _ if controllers.split(',').any(|name| name == controller) => {
                least_around(&root.join(controller), path, first)
            }
            _ => None,
        }
    });
    limits.reduce(lesser)
}

/// The least limit of a group and those around it.
fn least_around<T: PartialOrd>(root: &Path, path: &str, read: Read<T>) -> Option<T> {
    let mut group = PathBuf::from(root);
    let own = path.split('/').filter(|part| !part.is_empty());
    let groups = std::iter::once(read(root)).chain(own.map(|part| {
        group.push(part);
        read(&group)
    }));
    groups.flatten().reduce(lesser)
}

fn lesser<T: PartialOrd>(one: T, other: T) -> T {
    if other < one { other } else { one }
}
