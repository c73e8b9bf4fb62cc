//! The packages: the arrows between them, licences and version floors.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use super::root;

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

/// What each crate may use of the others, which are below it here.
const ARROWS: [(&str, &[&str]); 5] = [
    ("hybrid", &["hybrid-core", "hybrid-macros"]),
    ("hybrid-core", &["hybrid-engine", "hybrid-validate"]),
    ("hybrid-engine", &[]),
    ("hybrid-macros", &["hybrid-validate"]),
    ("hybrid-validate", &[]),
];

/// What a crate may not need, however far down.
const BANNED: [(&str, &[&str]); 2] = [
    (
        "hybrid-engine",
        &["http", "hyper", "tower", "serde_json", "hybrid-core"],
    ),
    (
        "hybrid-validate",
        &["http", "hyper", "tokio", "hybrid-core"],
    ),
];

#[test]
fn arrows_between_the_crates_point_one_way() {
    let metadata = metadata();
    let own = packages(&metadata).filter(|package| package["source"].is_null());
    for package in own {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(of, _)| *of == name) else {
            continue;
        };
        for used in dependencies(package) {
            let is_ours = ARROWS.iter().any(|(of, _)| *of == used);
            assert!(!is_ours || allowed.contains(&used), "{name} -> {used}");
        }
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

#[test]
fn no_crate_needs_what_it_must_not_know() {
    let metadata = metadata();
    for (name, banned) in BANNED {
        if !packages(&metadata).any(|package| package["name"] == name) {
            continue;
        }
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--all-features"])
            .args([
                "--edges=normal",
                "--prefix=none",
                "--format={lib}",
                "-p",
                name,
            ])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            tree.status.success(),
            "{}",
            String::from_utf8_lossy(&tree.stderr)
        );
        let tree = String::from_utf8(tree.stdout).unwrap();
        let needed = |crate_name: &&str| {
            let library = crate_name.replace('-', "_");
            // A line that stood before ends with ` (*)`.
            tree.lines()
                .any(|line| line.split(' ').next() == Some(&library))
        };
        assert!(needed(&name), "the tree begins with {name} itself");
        let found: Vec<_> = banned.iter().filter(|name| needed(name)).collect();
        assert!(found.is_empty(), "{name} needs {found:?}");
    }
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
