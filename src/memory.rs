//! The memory of this process, and how much more it may take, as Linux tells it. On other systems
//! nothing is known.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Bytes in memory now; `None` where the system does not say.
#[must_use]
pub fn resident() -> Option<u64> {
    kilobytes(&text("/proc/self/status")?, "VmRSS:")
}

/// Bytes in memory at most so far.
#[must_use]
pub fn peak() -> Option<u64> {
    kilobytes(&text("/proc/self/status")?, "VmHWM:")
}

/// Bytes that the process may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// The number of them.
    pub bytes: u64,
    /// The limit that they are left of, for a message.
    pub limit: &'static str,
}

/// The memory that is free: the least that the machine, the process's control groups and its
/// resource limits leave. `None` where none of them says.
#[must_use]
pub fn free() -> Option<Free> {
    let machine = text("/proc/meminfo").and_then(|all| kilobytes(&all, "MemAvailable:"));
    let group = text("/proc/self/cgroup").and_then(|all| group(&all, Path::new("/sys/fs/cgroup")));
    let (limits, status) = (text("/proc/self/limits"), text("/proc/self/status"));
    let resource = limits.zip(status).and_then(|(l, s)| resource(&l, &s));
    let all = [
        (machine, "of the machine"),
        (group, "of the control group"),
        (resource, "under the limit of `ulimit`"),
    ];
    let known = all.into_iter().filter_map(|(bytes, limit)| {
        Some(Free {
            bytes: bytes?,
            limit,
        })
    });
    known.min_by_key(|free| free.bytes)
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// `VmRSS:     1234 kB` as bytes.
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least that a process's control groups leave, of version 2 or 1: each limit holds for all
/// groups below it. `groups` is `/proc/self/cgroup`.
fn group(groups: &str, root: &Path) -> Option<u64> {
    let left = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, names) = match controllers {
            "" => (root.to_path_buf(), V2),
            list if list.split(',').any(|name| name == "memory") => (root.join("memory"), V1),
            _ => return None,
        };
        let own = root.join(path.trim_start_matches('/'));
        let above = own
            .ancestors()
            .take_while(|folder| folder.starts_with(&root));
        // Inside a container the path may be that of the host: its own group is then the root.
        let all = above.map(PathBuf::from).chain([root.clone()]);
        all.filter_map(|folder| left_in(&folder, names)).min()
    });
    left.min()
}

/// Names of a group's files: its limit, what it uses, and the field of `memory.stat` that counts the
/// part of that which the system takes back when it needs it.
type Names = [&'static str; 3];
const V2: Names = ["memory.max", "memory.current", "inactive_file "];
const V1: Names = [
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file ",
];

fn left_in(folder: &Path, [limit, used, spare]: Names) -> Option<u64> {
    let number = |name: &str| text(folder.join(name))?.trim().parse::<u64>().ok();
    let (limit, used) = (number(limit)?, number(used)?);
    let stat = text(folder.join("memory.stat")).unwrap_or_default();
    let spare = stat
        .lines()
        .find_map(|line| line.strip_prefix(spare)?.parse().ok());
    Some(limit.saturating_sub(used.saturating_sub(spare.unwrap_or(0))))
}

/// What the limits on address space and data leave: `/proc/self/limits` and `/proc/self/status`.
fn resource(limits: &str, status: &str) -> Option<u64> {
    let pairs = [
        ("Max address space", "VmSize:"),
        ("Max data size", "VmData:"),
    ];
    let left = pairs.into_iter().filter_map(|(limit, used)| {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(limit.saturating_sub(kilobytes(status, used)?))
    });
    left.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilobytes_become_bytes() {
        let status = "Name:\ttrainer\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }

    #[test]
    fn the_tightest_group_counts_and_what_can_be_taken_back_is_free() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let left = |groups: &str| group(groups, root.path());
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "600\n");
        assert_eq!(left("0::/a/b\n"), None);
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 500\ninactive_file 200\n");
        assert_eq!(left("0::/a/b\n"), Some(500));
        assert_eq!(left("0::/elsewhere\n"), None);
        write("memory/c/memory.limit_in_bytes", "300\n");
        write("memory/c/memory.usage_in_bytes", "400\n");
        assert_eq!(left("3:cpu,memory:/c\n0::/a/b\n"), Some(0));
        assert_eq!(left("3:cpu:/c\nnonsense\n"), None);
    }

    #[test]
    fn resource_limits_leave_what_is_not_used() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max data size             unlimited            unlimited            bytes     \n\
             Max address space         4096                 unlimited            bytes     \n";
        let status = "VmSize:\t 1 kB\nVmData:\t 1 kB\n";
        assert_eq!(resource(limits, status), Some(3072));
        assert_eq!(resource("", status), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_all_of_it() {
        let now = resident().unwrap();
        assert!(now > 0 && peak().unwrap() >= now);
        assert!(free().unwrap().bytes > 0);
    }
}
