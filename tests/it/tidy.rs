//! What rots when nobody looks: the arrows between the crates, licences and
//! version floors, the list of configuration keys, the tests that the README
//! names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    process::Command,
};

use hybrid::observability::{METRICS, MetricKind};
use hybrid_core::config::KEYS;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--all-features",
            "--locked",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().unwrap().iter()
}

fn package<'a>(metadata: &'a Value, name: &str) -> &'a Value {
    packages(metadata)
        .find(|package| package["name"] == name)
        .unwrap()
}

/// The dependencies of a package that are built into it.
fn dependencies(package: &Value) -> Vec<&str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|d| d["kind"].is_null())
        .map(|d| d["name"].as_str().unwrap())
        .collect()
}

/// What a package needs to be built, with all that its dependencies need.
fn tree<'a>(metadata: &'a Value, name: &str) -> BTreeSet<&'a str> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let node = |id: &Value| nodes.iter().find(|node| node["id"] == *id).unwrap();
    let of_id = |id: &Value| {
        packages(metadata)
            .find(|package| package["id"] == *id)
            .unwrap()
    };
    let mut found = BTreeSet::new();
    let mut open = vec![&package(metadata, name)["id"]];
    while let Some(id) = open.pop() {
        for dependency in node(id)["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let id = &dependency["pkg"];
            // Loom and what it needs are there for its models alone.
            let is_built_in = kinds
                .iter()
                .any(|kind| kind["kind"].is_null() && kind["target"] != "cfg(hybrid_loom)");
            if is_built_in && found.insert(of_id(id)["name"].as_str().unwrap()) {
                open.push(id);
            }
        }
    }
    found
}

#[test]
fn arrows_between_the_crates_point_one_way() {
    let metadata = metadata();
    let ours = |name| -> Vec<&str> {
        let found = dependencies(package(&metadata, name)).into_iter();
        found.filter(|name| name.starts_with("hybrid")).collect()
    };
    assert_eq!(ours("hybrid"), ["hybrid-core", "hybrid-macros"]);
    assert_eq!(ours("hybrid-core"), ["hybrid-engine", "hybrid-validate"]);
    assert_eq!(ours("hybrid-engine"), [""; 0]);
    assert_eq!(ours("hybrid-macros"), ["hybrid-validate"]);
    assert_eq!(ours("hybrid-validate"), [""; 0]);

    let pure = dependencies(package(&metadata, "hybrid-validate"));
    for banned in ["tokio", "hyper", "http", "hybrid-core"] {
        assert!(!pure.contains(&banned), "hybrid-validate knows {banned}");
    }
    let tree = tree(&metadata, "hybrid-engine");
    for banned in ["http", "hyper", "tower", "serde_json"] {
        assert!(!tree.contains(banned), "hybrid-engine needs {banned}");
    }
    let of_macros = package(&metadata, "hybrid-macros")["dependencies"]
        .as_array()
        .unwrap();
    let shared = of_macros
        .iter()
        .find(|d| d["name"] == "hybrid-validate" && d["kind"].is_null())
        .unwrap();
    assert_eq!(
        shared["uses_default_features"], false,
        "macros build no regex engine"
    );
}

/// Whether an SPDX expression leaves us a licence that we allow.
fn is_allowed(expression: &str) -> bool {
    const ALLOWED: [&str; 10] = [
        "MIT",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-3-Clause",
        "ISC",
        "Unicode-3.0",
        "Zlib",
        "BSL-1.0",
        "CDLA-Permissive-2.0",
        "MIT-0",
    ];
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    let all = |terms: &str| {
        terms
            .split(" AND ")
            .all(|term| ALLOWED.contains(&term.trim()))
    };
    // `A OR B AND C`: one alternative must hold whole; `(A OR B) AND C` becomes
    // `A` or `B AND C` here, which is stricter for B and right for A by luck only
    // where C is allowed, so C is looked for in any case.
    let last = expression.rsplit(" AND ").next().unwrap_or_default();
    expression.split(" OR ").any(all)
        && last
            .split(" OR ")
            .any(|term| ALLOWED.contains(&term.trim()))
}

#[test]
fn licences_are_the_ones_we_allow() {
    let metadata = metadata();
    let refused: Vec<_> = packages(&metadata)
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} is {}", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

fn version(text: &str) -> Vec<u64> {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers
        .split('.')
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn dependencies_are_at_least_as_new_as_their_last_advisory() {
    let floors = BTreeMap::from([
        ("bytes", "1.11.1"),
        ("crossbeam-channel", "0.5.17"),
        ("h2", "0.4.18"),
        ("hyper", "1.11.0"),
        ("memmap2", "0.9.12"),
        ("time", "0.3.47"),
    ]);
    let metadata = metadata();
    for package in packages(&metadata) {
        let name = package["name"].as_str().unwrap();
        assert_ne!(name, "bincode");
        if let Some(floor) = floors.get(name) {
            let found = package["version"].as_str().unwrap();
            assert!(
                version(found) >= version(floor),
                "{name} {found} is below {floor}"
            );
        }
    }
}

/// `docs/configuration.md` is written from the table of keys:
/// `HYBRID_BLESS=1 cargo test --test it tidy` writes it anew.
#[test]
fn every_configuration_key_is_in_the_documentation() {
    let mut page = String::from(
        "# Configuration\n\n\
         Defaults, then `App::config`, then `hybrid.toml` (in the working directory, or where\n\
         `HYBRID_CONFIG` says), then the environment: `max_threads` is `HYBRID_MAX_THREADS` there.\n\
         Whatever is wrong is reported at once and refuses the start, with file and line; an\n\
         unknown `HYBRID_*` variable only warns. Without an `addr`, `PORT` means `0.0.0.0:PORT`.\n\
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
        "\n## The program's own settings\n\n\
         The table `[app]` belongs to the program: `App::settings::<Settings>()` reads it into a\n\
         `#[model]`, which handlers take as `State<Settings>`, and `App::state_from` makes other\n\
         states from it. The variable `HYBRID_APP__PAGE_SIZE` overrides `page_size`, and\n\
         `HYBRID_APP__DATABASE__URL` overrides `url` in `[app.database]`. What breaks a rule, a key\n\
         that the model does not have and what is missing stand in the same report; no message\n\
         repeats a value.\n\n\
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
