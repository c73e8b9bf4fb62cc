//! Texts that say what the code says: the list of configuration keys, the metrics, the
//! tests that the README names.

use std::fmt::Write as _;

use hybrid::observability::{METRICS, MetricKind};
use hybrid_core::config::KEYS;

use super::{read, root};

/// `docs/configuration.md` is written from the table of keys:
/// `HYBRID_BLESS=1 cargo test --test it tidy` writes it anew.
#[test]
fn every_configuration_key_is_in_the_documentation() {
    let mut page = String::from(
        "All configuration keys, with their defaults and ranges.\n\n\
         This page is for people who operate a server or change its limits. Afterwards you can set\n\
         every key, and read your program's own settings from the same file.\n\n\
         The defaults come first, then `App::config`, then `hybrid.toml` (in the working directory,\n\
         or at the path in `HYBRID_CONFIG`), then the environment; a later source overrides an\n\
         earlier one. In the environment, `max_threads` is `HYBRID_MAX_THREADS`. One report lists all\n\
         mistakes with file and line, and the server does not start. An unknown variable `HYBRID_*`\n\
         is only a warning. Without an `addr`, `PORT` means `0.0.0.0:PORT`.\n\n\
         Sizes are bytes, `2MB` (10^6) or `2MiB` (2^20); durations `150ms`, `2s`, `1m`, `1h`.\n\n\
         | key | default | range | |\n|---|---|---|---|\n",
    );
    for key in KEYS {
        let range = key
            .within
            .map(|(low, high)| format!("{low} to {high}"))
            .unwrap_or_default();
        let default = if key.default.is_empty() {
            "none"
        } else {
            key.default
        };
        let doc = key.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(page, "| `{}` | {default} | {range} | {doc} |", key.name).unwrap();
    }
    page.push_str(
        "\n# The program's own settings\n\n\
         The table `[app]` belongs to the program. `App::settings::<Settings>()` reads it into a\n\
         `#[model]`, which handlers take as `State<Settings>`. `App::state_from` makes other states\n\
         from it. The variable `HYBRID_APP__PAGE_SIZE` overrides `page_size`, and\n\
         `HYBRID_APP__DATABASE__URL` overrides `url` in `[app.database]`. The same report lists\n\
         broken rules, keys that the model does not have, and missing keys. No message repeats a\n\
         value.\n\n\
         ```toml\n[app]\npage_size = 20\n\n[app.database]\nurl = \"app.db\"\n```\n",
    );
    if std::env::var_os("HYBRID_BLESS").is_some() {
        std::fs::write(root().join("docs/configuration.md"), &page).unwrap();
    }
    assert_eq!(read("docs/configuration.md"), page);
}

/// The names that dashboards are made with: none may get lost or change.
const PROMISED_METRICS: [&str; 26] = [
    "http_server_request_duration_seconds",
    "http_server_active_requests",
    "hybrid_queue_seconds",
    "hybrid_cpu_seconds",
    "hybrid_blocked_seconds",
    "hybrid_shed_total",
    "hybrid_validation_errors_total",
    "hybrid_loop_stall_seconds",
    "hybrid_moves_total",
    "hybrid_pool_threads",
    "hybrid_pool_long_threads",
    "hybrid_pool_queue_depth",
    "hybrid_process_workers",
    "hybrid_process_restarts_total",
    "hybrid_bodies_bytes",
    "hybrid_bodies_limit_bytes",
    "hybrid_process_queue_depth",
    "hybrid_process_segment_bytes",
    "hybrid_log_dropped_total",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
    "process_threads",
];

#[test]
fn every_metric_is_promised_and_explained() {
    let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let page = read("docs/observability.md");
    let mut labels = Vec::new();
    for metric in METRICS {
        let name = metric.name;
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let row = format!("| `{name}` | {kind} |");
        assert!(page.contains(&row), "no row `{row}`");
        for label in metric.labels {
            assert!(page.contains(&format!("`{label}`")), "{name} has `{label}`");
        }
        labels.extend(metric.labels);
        assert_eq!(name.ends_with("_total"), metric.kind == MetricKind::Counter);
        let base = name.trim_end_matches("_total");
        let unit = metric.unit;
        assert!(
            unit.is_empty() || base.ends_with(&format!("_{unit}")),
            "{name}"
        );
        assert!(metric.help.ends_with('.'), "{name}");
    }
    assert!(labels.contains(&"hybrid_lane"));
    names.sort_unstable();
    let mut promised = PROMISED_METRICS;
    promised.sort_unstable();
    assert_eq!(names, promised);
}

/// A claim names its proof as `tests/it/file.rs::name`; here both are looked up.
#[test]
fn the_tests_that_the_readme_names_exist() {
    let mut named = 0;
    for page in ["README.md", "ARCHITECTURE.md"] {
        for code in read(page).split('`').skip(1).step_by(2) {
            let (file, test) = code.split_once("::").unwrap_or((code, ""));
            if !(file.starts_with("tests/") || file.starts_with("examples/")) || file.contains(' ')
            {
                continue;
            }
            named += 1;
            assert!(root().join(file).exists(), "{page} names {file}");
            let found = test.is_empty() || read(file).contains(&format!("fn {test}("));
            assert!(found, "{page} names {code}");
        }
    }
    assert!(named >= 5, "only {named} proofs were found");
}

#[test]
fn the_readme_runs_the_smallest_program_as_it_stands() {
    let example = read("examples/hello.rs");
    for handler in ["async fn hello(name: String) -> String {", "fn primes("] {
        assert!(
            read("README.md").contains(handler) && example.contains(handler),
            "{handler}"
        );
    }
}

#[test]
fn every_code_stands_in_the_table_of_errors() {
    let table = read("docs/errors.md");
    let source = read("crates/hybrid-core/src/problem/kind.rs");
    let (_, kinds) = source.split_once("    kinds! {\n").unwrap();
    let kinds = kinds.lines().take_while(|line| line.trim() != "}");
    let mut found = 0;
    for kind in kinds {
        let words: Vec<&str> = kind.split('"').collect();
        let status = words[0].split(' ').rev().nth(1).unwrap();
        let row = format!("| {status} | `{}` |", words[1]);
        assert!(table.contains(&row), "docs/errors.md has no row {row}");
        found += 1;
    }
    assert!(found > 15, "the kinds were not found");
}

/// What users read says the names that they write.
#[test]
fn examples_that_users_see_name_the_facade() {
    let mut wrong = String::new();
    let mut folders = vec![root().join("crates/hybrid-core/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().map(str::trim_start) {
                let shown = line
                    .strip_prefix("/// ")
                    .is_some_and(|doc| !doc.starts_with("# "));
                if shown && (line.contains("hybrid_core::") || line.contains("hybrid_validate::")) {
                    writeln!(wrong, "{}: {line}", path.display()).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
