use std::time::Duration;

use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn settings(file: &str, variables: &[(&str, &str)]) -> Settings {
    resolve(&Config::new(), Some(("hybrid.toml", file)), env(variables))
        .unwrap()
        .0
}

fn faults(file: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let faults = resolve(&Config::new(), Some(("hybrid.toml", file)), env(variables)).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_default_reads_and_lies_in_its_range() {
    for key in KEYS {
        // Computed defaults say so in words.
        if matches!(
            key.name,
            "event_loops" | "max_processes" | "bodies_limit" | "drain_delay"
        ) {
            continue;
        }
        if cfg!(not(feature = "logging")) && LOGGING.contains(&key.name) {
            continue;
        }
        let file = format!("{} = \"{}\"", key.name, key.default);
        assert!(
            resolve(&Config::new(), Some(("f", &file)), []).is_ok(),
            "{} = {}",
            key.name,
            key.default
        );
    }
}

#[test]
fn bodies_may_take_a_quarter_of_the_memory_within_the_range_of_their_key() {
    let limit = Settings::default().bodies_limit;
    assert!((1 << 20..=1 << 40).contains(&limit), "{limit}");
    let written = settings("bodies_limit = \"50MiB\"", &[]).bodies_limit;
    assert_eq!(written, 50 << 20);
    let refused = faults("bodies_limit = 0", &[]);
    assert!(
        refused[0].contains("between `1MiB` and `1024GiB`"),
        "{refused:?}"
    );
}

#[test]
fn every_key_is_documented_and_has_its_variable() {
    for key in KEYS {
        assert!(key.doc.trim().ends_with('.'), "{}", key.name);
        assert_eq!(
            key.variable(),
            format!("HYBRID_{}", key.name.to_uppercase())
        );
        assert!(!LATER.contains(&key.name), "{}", key.name);
    }
}

#[test]
fn the_bounds_of_a_range_belong_to_it_and_more_does_not() {
    for key in KEYS {
        let Some((low, high)) = key.within else {
            continue;
        };
        for bound in [low, high] {
            let file = format!("{} = \"{bound}\"", key.name);
            assert!(
                resolve(&Config::new(), Some(("f", &file)), []).is_ok(),
                "{file}"
            );
        }
        let unit: String = high.chars().filter(char::is_ascii_alphabetic).collect();
        let file = format!("{} = \"9999999999{unit}\"", key.name);
        let message = faults(&file, &[]).remove(0);
        assert!(message.contains("must be between"), "{message}");
    }
}

#[test]
fn each_layer_overrides_the_one_before() {
    let builder = Config::new().max_threads(1).queue_depth(2).pool_nice(3);
    let file = Some(("hybrid.toml", "queue_depth = 20\npool_nice = 4"));
    let (settings, warnings) = resolve(&builder, file, env(&[("HYBRID_POOL_NICE", "5")])).unwrap();
    assert_eq!(
        (
            settings.max_threads,
            settings.queue_depth,
            settings.pool_nice
        ),
        (1, 20, 5)
    );
    assert_eq!(settings.keep_alive, Duration::from_secs(75));
    assert!(warnings.is_empty());
}

#[test]
fn nothing_set_means_the_defaults() {
    assert_eq!(settings("", &[]), Settings::default());
}

#[test]
fn sizes_and_durations_have_units() {
    let settings = settings(
        "body_limit = \"2MB\"\nform_limit = \"2MiB\"\nupload_limit = 1_000\n\
         keep_alive = \"150ms\"\nbody_timeout = \"1m\"\nhead_limit = \"8 KiB\"",
        &[],
    );
    assert_eq!(settings.body_limit, 2_000_000);
    assert_eq!(settings.form_limit, 2_097_152);
    assert_eq!(settings.upload_limit, 1_000);
    assert_eq!(settings.head_limit, 8_192);
    assert_eq!(settings.keep_alive, Duration::from_millis(150));
    assert_eq!(settings.body_timeout, Duration::from_secs(60));
}

#[test]
fn everything_wrong_is_reported_at_once_with_its_place() {
    let file = "max_thread = 3\nqueue_wait = 5\n\n# a comment\nmax_threads = 0\ndocs = true\n";
    let variables = [("HYBRID_BODY_LIMIT", "2 parsecs"), ("HYBRID_DOCS", "1")];
    assert_eq!(
        faults(file, &variables),
        [
            "hybrid.toml:1: there is no key `max_thread`, did you mean `max_threads`?",
            "hybrid.toml:2: `queue_wait` must be a duration with its unit, such as `150ms`, `2s` \
             or `1m`, not `5`",
            "hybrid.toml:5: `max_threads` must be between `1` and `16384`, not `0`",
            "hybrid.toml:6: `docs` is not available in this version",
            "HYBRID_BODY_LIMIT: `body_limit` must be a size in bytes, or with its unit, such as \
             `2MiB` (2^20) or `2MB` (10^6), not `2 parsecs`",
            "HYBRID_DOCS: `docs` is not available in this version",
        ]
    );
}

#[test]
fn a_value_that_is_overridden_must_still_be_allowed() {
    let found = faults("max_threads = \"many\"", &[("HYBRID_MAX_THREADS", "4")]);
    assert_eq!(
        found,
        ["hybrid.toml:1: `max_threads` must be a whole number, not `many`"]
    );
}

#[test]
fn the_builder_is_checked_as_well() {
    let found = resolve(&Config::new().addr("nowhere").max_threads(0), None, []).unwrap_err();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "the program's `Config`: `addr` must be an address and a port, such as \
             `127.0.0.1:8000`, not `nowhere`",
            "the program's `Config`: `max_threads` must be between `1` and `16384`, not `0`",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_names_its_line() {
    let found = faults("max_threads = 4\nqueue_depth = = 3\n", &[]);
    assert!(
        found
            .iter()
            .any(|fault| fault.starts_with("hybrid.toml:2: ")),
        "{found:?}"
    );
}

#[test]
fn an_unknown_variable_only_warns() {
    let variables = env(&[
        ("HYBRID_QUEUE_DEPHT", "1"),
        ("HYBRID_CONFIG", "x"),
        ("HYBRID_WORKER_OF", "1"),
        ("PATH", "y"),
    ]);
    let (_, warnings) = resolve(&Config::new(), None, variables).unwrap();
    assert_eq!(
        warnings,
        [
            "the variable `HYBRID_QUEUE_DEPHT` is ignored: there is no key `queue_depht`, did you \
          mean `queue_depth`?"
        ]
    );
}

#[test]
fn port_counts_where_no_layer_has_an_address() {
    assert_eq!(
        settings("", &[("PORT", "3000")]).addr,
        "0.0.0.0:3000".parse().unwrap()
    );
    let file = "addr = \"localhost:1\"";
    assert_eq!(
        settings(file, &[("PORT", "3000")]).addr,
        "127.0.0.1:1".parse().unwrap()
    );
    assert_eq!(
        faults("", &[("PORT", "http")]),
        ["PORT: `PORT` must be a number up to 65535, not `http`"]
    );
}

#[test]
fn kubernetes_gets_its_drain_delay() {
    assert_eq!(settings("", &[]).drain_delay, Duration::ZERO);
    let kubernetes = settings("", &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]);
    assert_eq!(kubernetes.drain_delay, Duration::from_secs(5));
}

#[test]
fn proxies_are_lists_in_every_layer() {
    let from_file = settings("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]", &[]);
    let from_env = settings("", &[("HYBRID_TRUSTED_PROXIES", "10.0.0.0/8, ::1")]);
    let builder = Config::new().trusted_proxies(["10.0.0.0/8", "::1"]);
    let from_builder = resolve(&builder, None, []).unwrap().0;
    assert_eq!(from_file.trusted_proxies, from_env.trusted_proxies);
    assert_eq!(from_file.trusted_proxies, from_builder.trusted_proxies);
    assert_eq!(from_file.trusted_proxies.len(), 2);
    assert_eq!(faults("trusted_proxies = [\"10.0.0.0/33\"]", &[]).len(), 1);
}

#[test]
fn variables_are_all_or_names_in_every_layer() {
    assert_eq!(Settings::default().worker_env, Variables::All);
    let some = Variables::Only(vec!["PATH".to_owned(), "HOME".to_owned()]);
    let read = |file| settings(file, &[]).worker_env;
    assert_eq!(read("worker_env = [\"PATH\", \"HOME\"]"), some);
    assert_eq!(read("worker_env = \"PATH, HOME\""), some);
    assert_eq!(read("worker_env = [\"*\"]"), Variables::All);
    assert_eq!(read("worker_env = []"), Variables::Only(Vec::new()));
    let variable = [("HYBRID_WORKER_ENV", "PATH,HOME")];
    assert_eq!(settings("", &variable).worker_env, some);
    let builder = Config::new().worker_env(["PATH", "HOME"]);
    assert_eq!(resolve(&builder, None, []).unwrap().0.worker_env, some);
    for wrong in [
        "\"\"",
        "\"PATH,\"",
        "[\"\"]",
        "[\"A=B\"]",
        "[\"A\\u0000\"]",
        "\"PG*\"",
        "[\"*\", \"PATH\"]",
        "[1]",
        "1",
    ] {
        assert_eq!(faults(&format!("worker_env = {wrong}"), &[]).len(), 1);
    }
    assert_eq!(
        faults("worker_env = \"A=B\"", &[]),
        [
            "hybrid.toml:1: `worker_env` must be `*` (all) or a list of variables' whole names, \
             such as `PATH, HOME`, not `A=B`"
        ]
    );
}

#[test]
fn workers_have_their_limits() {
    let defaults = Settings::default();
    assert_eq!(defaults.max_processes, defaults.event_loops);
    assert_eq!(
        (defaults.worker_memory, defaults.segment_limit),
        (1 << 30, 1 << 30)
    );
    assert_eq!(defaults.worker_cpu, Duration::ZERO);
    assert!(!defaults.sandbox);
    let set = settings(
        "max_processes = 0\nworker_cpu = \"90s\"",
        &[("HYBRID_SANDBOX", "on")],
    );
    assert_eq!(
        (set.max_processes, set.worker_cpu, set.sandbox),
        (0, Duration::from_secs(90), true)
    );
}

#[test]
fn networks_contain_what_shares_their_prefix() {
    let contains = |network: &str, address: &str| {
        network
            .parse::<Network>()
            .unwrap()
            .contains(address.parse().unwrap())
    };
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(contains("0.0.0.0/0", "203.0.113.9"));
    assert!(!contains("0.0.0.0/0", "2001:db8::1"));
    assert!(contains("::/0", "2001:db8::1"));
    assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
    assert!(contains("192.0.2.1", "::ffff:192.0.2.1"));
    assert!(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert!(!contains("192.0.2.1", "192.0.2.2"));
    assert!("10.0.0.0/x".parse::<Network>().is_err());
}

#[test]
fn switches_and_formats_read_as_people_write_them() {
    for on in ["1", "true", "on", "YES"] {
        assert!(
            settings("", &[("HYBRID_EXPOSE_LANE", on)]).expose_lane,
            "{on}"
        );
    }
    assert!(settings("expose_lane = true", &[]).expose_lane);
    assert_eq!(faults("log = \"=;=\"\nlog_format = \"xml\"", &[]).len(), 2);
}

/// The keys of the feature `logging`.
const LOGGING: [&str; 2] = ["log", "log_format"];

#[cfg(feature = "logging")]
#[test]
fn a_log_may_be_written_as_json() {
    let settings = settings("log_format = \"json\"", &[("HYBRID_LOG", "off")]);
    assert_eq!(settings.log_format, LogFormat::Json);
    assert_eq!(settings.log, "off");
}

/// In every layer, also with what is the default.
#[cfg(not(feature = "logging"))]
#[test]
fn a_log_is_refused_where_nothing_writes_one() {
    let found = faults("log_format = \"text\"", &[("HYBRID_LOG", "debug")]);
    let builder = resolve(&Config::new().log("info"), None, []).unwrap_err();
    let builder = builder.iter().map(ToString::to_string);
    let found: Vec<_> = found.into_iter().chain(builder).collect();
    assert_eq!(found.len(), 3);
    for (fault, key) in found.iter().zip(["log_format", "log", "log"]) {
        let expected = format!("`{key}` needs the feature `logging` of hybrid");
        assert!(fault.contains(&expected), "{fault}");
    }
    assert_eq!(Settings::default().log, "info");
}

#[test]
fn the_balancer_and_the_mode_are_words() {
    let defaults = Settings::default();
    assert_eq!(
        (defaults.balancer, defaults.promote, defaults.mode),
        (Balancing::On, false, Mode::Hybrid)
    );
    let file = "balancer = \"observe\"\npromote = true\nmode = \"sync_only\"";
    let settings = settings(file, &[("HYBRID_MODE", "async_only")]);
    assert_eq!(
        (settings.balancer, settings.promote, settings.mode),
        (Balancing::Observe, true, Mode::AsyncOnly)
    );
    for (switch, meant) in [("true", Balancing::On), ("false", Balancing::Off)] {
        let file = format!("balancer = {switch}");
        let read = resolve(&Config::new(), Some(("f", &file)), []).unwrap().0;
        assert_eq!(read.balancer, meant);
    }
    assert_eq!(
        faults("balancer = \"yes\"\nmode = \"sync\"", &[]),
        [
            "hybrid.toml:1: `balancer` must be `on`, `observe` or `off`, not `yes`",
            "hybrid.toml:2: `mode` must be `hybrid`, `async_only` or `sync_only`, not `sync`",
        ]
    );
}
