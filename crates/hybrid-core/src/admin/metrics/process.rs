//! What Linux says of the process, under the names that Prometheus' client
//! libraries use. On another system all of it is absent, and a number that
//! cannot be read is.

use super::{
    names as metric,
    names::Metric,
    text::{Labels, Text},
};

pub(super) fn write(text: &mut Text) {
    let stat = stat::read();
    let stat = stat.as_ref();
    if let Some(seconds) = stat.and_then(stat::Stat::cpu_seconds) {
        text.family(&metric::PROCESS_CPU);
        text.counter_of(seconds);
    }
    let mut gauge = |metric: &Metric, value: Option<u64>| {
        if let Some(value) = value {
            text.family(metric);
            text.integer(&Labels::new(), value);
        }
    };
    gauge(
        &metric::PROCESS_RESIDENT,
        stat.and_then(stat::Stat::resident_bytes),
    );
    gauge(
        &metric::PROCESS_VIRTUAL,
        stat.and_then(stat::Stat::virtual_bytes),
    );
    gauge(&metric::PROCESS_OPEN_FILES, stat::open_files());
    gauge(&metric::PROCESS_FILES_MAX, stat::files_max());
    gauge(&metric::PROCESS_THREADS, stat.and_then(stat::Stat::threads));
    if let Some(seconds) = stat.and_then(stat::Stat::start_seconds) {
        text.family(&metric::PROCESS_START);
        text.number(seconds);
    }
}

#[cfg(target_os = "linux")]
mod stat {
    use std::fs;

    use rustix::process::{Resource, getrlimit};

    use hybrid_engine::os::proc_stat;

    pub(super) struct Stat(proc_stat::Stat);

    pub(super) fn read() -> Option<Stat> {
        proc_stat::Stat::of_this_process().map(Stat)
    }

    impl Stat {
        pub(super) fn cpu_seconds(&self) -> Option<f64> {
            let ticks = self.0.field(14)? + self.0.field(15)?;
            Some(ticks as f64 / ticks_per_second())
        }

        pub(super) fn threads(&self) -> Option<u64> {
            self.0.field(20)
        }

        pub(super) fn virtual_bytes(&self) -> Option<u64> {
            self.0.field(23)
        }

        pub(super) fn resident_bytes(&self) -> Option<u64> {
            self.0.resident_bytes()
        }

        pub(super) fn start_seconds(&self) -> Option<f64> {
            let after_boot = self.0.field(22)? as f64 / ticks_per_second();
            let stat = fs::read_to_string("/proc/stat").ok()?;
            let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
            Some(boot.trim().parse::<f64>().ok()? + after_boot)
        }
    }

    fn ticks_per_second() -> f64 {
        rustix::param::clock_ticks_per_second() as f64
    }

    /// Since Linux 6.2 the directory's size says it; before, its entries are
    /// counted.
    pub(super) fn open_files() -> Option<u64> {
        const DIRECTORY: &str = "/proc/self/fd";
        match fs::metadata(DIRECTORY).ok()?.len() {
            0 => u64::try_from(fs::read_dir(DIRECTORY).ok()?.count()).ok(),
            files => Some(files),
        }
    }

    /// `None` also where there is no limit.
    pub(super) fn files_max() -> Option<u64> {
        getrlimit(Resource::Nofile).current
    }

    #[cfg(all(test, not(hybrid_loom)))]
    mod tests {
        use super::*;

        #[test]
        fn fields_are_counted_after_the_name() {
            let text =
                "7 (a) b) ) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 12345 8192 2 18";
            let stat = Stat(proc_stat::Stat::parse(text).unwrap());
            assert_eq!(stat.cpu_seconds(), Some(300.0 / ticks_per_second()));
            assert_eq!(stat.threads(), Some(3));
            assert_eq!(stat.virtual_bytes(), Some(8192));
            let short = Stat(proc_stat::Stat::parse("7 (a) S").unwrap());
            assert_eq!(short.threads(), None);
        }

        #[test]
        fn this_process_has_all_of_it() {
            let stat = read().unwrap();
            assert!(stat.threads().unwrap() >= 1);
            assert!(stat.resident_bytes().unwrap() > 100_000);
            assert!(stat.virtual_bytes() > stat.resident_bytes());
            assert!(stat.cpu_seconds().is_some());
            // After 2020.
            assert!(stat.start_seconds().unwrap() > 1_577_836_800.0);
            assert!(open_files().unwrap() >= 3);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod stat {
    pub(super) enum Stat {}

    pub(super) fn read() -> Option<Stat> {
        None
    }

    impl Stat {
        pub(super) fn cpu_seconds(&self) -> Option<f64> {
            match *self {}
        }

        pub(super) fn threads(&self) -> Option<u64> {
            match *self {}
        }

        pub(super) fn virtual_bytes(&self) -> Option<u64> {
            match *self {}
        }

        pub(super) fn resident_bytes(&self) -> Option<u64> {
            match *self {}
        }

        pub(super) fn start_seconds(&self) -> Option<f64> {
            match *self {}
        }
    }

    pub(super) fn open_files() -> Option<u64> {
        None
    }

    pub(super) fn files_max() -> Option<u64> {
        None
    }
}
