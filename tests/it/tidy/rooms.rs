//! Where code stands: a folder's `mod.rs` holds texts and lists (declarations and
//! re-exports), and its code stands in files that have names.

use std::{fmt::Write as _, fs, path::PathBuf};

use syn::Item;

use super::{
    files::{crates, files_below, shown},
    root,
};

/// Folders whose `mod.rs` holds code. This list only gets shorter: a file that no longer
/// does, or that is gone, must leave it.
const WITH_CODE: &[&str] = &[
    "crates/hybrid-core/src/config/mod.rs",
    "crates/hybrid-core/src/log/mod.rs",
    "crates/hybrid-core/src/server/tests/mod.rs",
    "crates/hybrid-core/src/telemetry/mod.rs",
    "crates/hybrid-engine/src/balance/mod.rs",
    "crates/hybrid-engine/src/pool/mod.rs",
    "crates/hybrid-engine/src/telemetry/mod.rs",
];

/// Files `x.rs` beside a folder `x`, which should be `x/mod.rs` with its code in a file
/// that has a name. This list only gets shorter. When it is empty, clippy's
/// `self_named_module_files` can take its place.
const SELF_NAMED: &[&str] = &[
    "crates/hybrid-core/src/app/states.rs",
    "crates/hybrid-core/src/extract/forms.rs",
    "crates/hybrid-core/src/server/head_checks.rs",
    "crates/hybrid-engine/src/balance/policy.rs",
    "crates/hybrid-engine/src/balance/stall_watch.rs",
    "crates/hybrid-engine/src/process/call.rs",
    "crates/hybrid-engine/src/process/messages.rs",
    "crates/hybrid-engine/src/process/sandbox.rs",
    "crates/hybrid-engine/src/process/segment.rs",
    "crates/hybrid-engine/src/process/supervisor.rs",
    "crates/hybrid-engine/src/process/worker_main.rs",
];

fn files() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = crates().into_iter().map(|(_, source)| source).collect();
    folders.push(root().join("tests/it"));
    folders
        .iter()
        .flat_map(|folder| files_below(folder))
        .collect()
}

/// Fails for files that are found and not listed, and for those that are listed and not
/// found.
fn compare(found: impl Iterator<Item = PathBuf>, known: &[&str], new: &str) {
    let found: Vec<String> = found.map(|path| shown(&path)).collect();
    let mut wrong = String::new();
    for path in &found {
        if !known.contains(&path.as_str()) {
            writeln!(wrong, "{path} {new}").unwrap();
        }
    }
    for path in known {
        if !found.iter().any(|found| found == path) {
            writeln!(wrong, "{path} is mended or gone: remove it from the list").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn a_mod_rs_holds_texts_and_lists_alone() {
    let is_list = |item: &Item| match item {
        Item::Mod(module) => module.content.is_none(),
        Item::Use(_) => true,
        _ => false,
    };
    let holds_code = |path: &PathBuf| {
        let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
        !file.items.iter().all(is_list)
    };
    let all = files().into_iter().filter(|path| path.ends_with("mod.rs"));
    compare(
        all.filter(holds_code),
        WITH_CODE,
        "holds code: move it to a file beside it",
    );
}

#[test]
fn a_folder_of_modules_has_a_mod_rs() {
    let is_self_named = |path: &PathBuf| path.with_extension("").is_dir();
    compare(
        files().into_iter().filter(is_self_named),
        SELF_NAMED,
        "has a folder of its name: it should be its `mod.rs`",
    );
}
