//! How many processors this process may use: the affinity mask, and what the
//! control group's quota leaves of it, which may be a part of one and may change
//! while the process runs.

use std::{fs, path::Path, thread};

use crate::os::cgroup;

/// Processors' worth, at least a hundredth.
pub fn allowed() -> f64 {
    let mask = thread::available_parallelism().map_or(1, usize::from) as f64;
    let quota = quota(Path::new(cgroup::MEMBERSHIP), Path::new(cgroup::ROOT));
    quota.map_or(mask, |quota| quota.min(mask)).max(0.01)
}

/// The least quota among the process's control groups and those around them; `None`
/// where there is none.
fn quota(membership: &Path, root: &Path) -> Option<f64> {
    cgroup::least("cpu", (membership, root), quota_v1, quota_v2)
}

/// `cpu.max`: "50000 100000", or "max 100000".
fn quota_v2(group: &Path) -> Option<f64> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    ratio(quota, period)
}

fn quota_v1(group: &Path) -> Option<f64> {
    let quota = fs::read_to_string(group.join("cpu.cfs_quota_us")).ok()?;
    let period = fs::read_to_string(group.join("cpu.cfs_period_us")).ok()?;
    ratio(quota.trim(), period.trim())
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// A directory of its own, gone at the end.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("hybrid-{name}-{}", std::process::id()));
            fs::create_dir_all(&root).expect("a directory");
            Self(root)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_least_quota_around_counts() {
        let Root(root) = &Root::new("quota-v2");
        write(root.join("membership"), "0::/outer/inner\n");
        write(root.join("outer/cpu.max"), "50000 100000\n");
        write(root.join("outer/inner/cpu.max"), "max 100000\n");
        assert_eq!(quota(&root.join("membership"), root), Some(0.5));
    }

    #[test]
    fn the_first_version_is_read_too() {
        let Root(root) = &Root::new("quota-v1");
        write(root.join("membership"), "3:cpu,cpuacct:/group\n0::/\n");
        write(root.join("cpu/group/cpu.cfs_quota_us"), "150000\n");
        write(root.join("cpu/group/cpu.cfs_period_us"), "100000\n");
        write(root.join("cpu/cpu.cfs_quota_us"), "-1\n");
        write(root.join("cpu/cpu.cfs_period_us"), "100000\n");
        assert_eq!(quota(&root.join("membership"), root), Some(1.5));
    }

    #[test]
    fn without_files_there_is_no_quota() {
        let nowhere = Path::new("/nonexistent");
        assert_eq!(quota(nowhere, nowhere), None);
        assert!(allowed() > 0.0);
    }
}
