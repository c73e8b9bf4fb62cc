//! Functions over 60 lines and files over 500 hold two subjects as a rule. Those that stay
//! so are listed here, each with its reason. Counted are the lines of a function from
//! `fn` to its last brace, and those of a file that are no documentation.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::Span;
use syn::visit::{self, Visit};

use super::{
    files::{crates, files_below, shown},
    root,
};

const FUNCTION_LINES_MAX: usize = 60;
const FILE_LINES_MAX: usize = 500;

/// Functions that are longer, as `file: name`, and why they stay so.
const FUNCTIONS: &[(&str, &str)] = &[
    (
        "crates/hybrid-macros/src/tests/expand.rs: with_another_root_no_path_leads_to_hybrid",
        "one input with every kind of item, which is long by itself",
    ),
    (
        "crates/hybrid-macros/src/tests/mistakes.rs: worker_processes_and_their_limits",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/examples/as_users_do.rs: check_notes",
        "one scenario: its steps need what the steps before them left",
    ),
    (
        "tests/examples/as_users_do.rs: tokens_are_looked_at_before_anything_else",
        "one scenario: its steps need what the steps before them left",
    ),
    (
        "tests/it/admin/endpoints.rs: a_path_that_cannot_be_is_a_fault",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/it/admin/endpoints.rs: routes_say_where_they_are_and_what_became_of_their_requests",
        "one answer, compared field by field with what it should say",
    ),
    (
        "tests/it/admin/log.rs: each_failure_has_one_line_with_all_that_an_operator_asks",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/it/admin/metrics.rs: a_label_never_carries_what_a_client_sent",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/it/admin/metrics.rs: counts_add_up_whatever_becomes_of_requests",
        "one scenario: its steps need what the steps before them left",
    ),
    (
        "tests/it/admin/metrics.rs: requests_are_told_apart_by_route_method_lane_and_status",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/it/processes/deaths.rs: a_thousand_deaths_leave_nothing_behind",
        "one scenario: its steps need what the steps before them left",
    ),
    (
        "tests/it/processes/lies.rs: lie",
        "one arm for each thing that a worker may say wrongly",
    ),
    (
        "tests/it/processes/same.rs: cases",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/it/wire/errors.rs: every_status_has_its_body",
        "one table of cases: to read it whole is what it is for",
    ),
    (
        "tests/it/wire/errors.rs: values_of_the_query_are_read_as_their_type_says",
        "one table of cases: to read it whole is what it is for",
    ),
];

/// Files that are longer, and why they stay so.
const FILES: &[(&str, &str)] = &[
    (
        "crates/hybrid-engine/src/balance/policy/tests.rs",
        "one kind of test: snapshots and the decisions that follow",
    ),
    (
        "crates/hybrid-core/src/config/program.rs",
        "one subject, `[app]`; a third of it is its tests",
    ),
    (
        "crates/hybrid-engine/src/pool/mod.rs",
        "to be split by subject, since `mod.rs` holds lists",
    ),
    (
        "tests/examples/showcase.rs",
        "one example, asked in the order of its parts",
    ),
    (
        "tests/it/admin/log.rs",
        "the application, and what is asked of it in many ways",
    ),
    (
        "tests/it/app/mounting.rs",
        "the application, and what is asked of it in many ways",
    ),
    (
        "tests/it/processes/life.rs",
        "the application, and what is asked of it in many ways",
    ),
    (
        "tests/it/processes/same.rs",
        "the application, and what is asked of it in many ways",
    ),
    (
        "tests/it/values/headers_and_parts.rs",
        "the application, and what is asked of it in many ways",
    ),
    (
        "tests/it/values/sources.rs",
        "the application, and what is asked of it in many ways",
    ),
    (
        "tests/it/wire/errors.rs",
        "the application, and what is asked of it in many ways",
    ),
];

fn files() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = crates().into_iter().map(|(_, source)| source).collect();
    folders.extend(["tests/it", "tests/examples"].map(|folder| root().join(folder)));
    folders
        .iter()
        .flat_map(|folder| files_below(folder))
        .collect()
}

/// Fails for what is over the limit and not listed, and for what is listed and not over it.
fn compare(found: &BTreeMap<String, usize>, known: &[(&str, &str)], most: usize) {
    let mut wrong = String::new();
    for (what, lines) in found {
        if !known.iter().any(|(listed, _)| listed == what) {
            writeln!(wrong, "{what} has {lines} lines, more than {most}").unwrap();
        }
    }
    for (what, reason) in known {
        assert!(reason.len() > 20, "{what} stays without a reason");
        if !found.contains_key(*what) {
            writeln!(wrong, "{what} is shorter or gone: remove it from the list").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn files_have_one_subject() {
    let lines = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::trim_start);
        lines
            .filter(|line| !line.starts_with("///") && !line.starts_with("//!"))
            .count()
    };
    let files = files().into_iter();
    let long = files.map(|path| (shown(&path), lines(&path)));
    let long = long.filter(|(_, lines)| *lines > FILE_LINES_MAX).collect();
    compare(&long, FILES, FILE_LINES_MAX);
}

/// The long functions of a file.
struct Functions {
    file: String,
    long: BTreeMap<String, usize>,
}

impl Functions {
    fn note(&mut self, signature: &syn::Signature, end: Span) {
        let lines = end.end().line - signature.fn_token.span.start().line + 1;
        if lines > FUNCTION_LINES_MAX {
            let name = format!("{}: {}", self.file, signature.ident);
            self.long.insert(name, lines);
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, it: &'ast syn::ItemFn) {
        self.note(&it.sig, it.block.brace_token.span.close());
        visit::visit_item_fn(self, it);
    }

    fn visit_impl_item_fn(&mut self, it: &'ast syn::ImplItemFn) {
        self.note(&it.sig, it.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, it);
    }

    fn visit_trait_item_fn(&mut self, it: &'ast syn::TraitItemFn) {
        if let Some(block) = &it.default {
            self.note(&it.sig, block.brace_token.span.close());
        }
        visit::visit_trait_item_fn(self, it);
    }
}

#[test]
fn functions_have_one_subject() {
    let mut long = BTreeMap::new();
    for path in files() {
        let mut functions = Functions {
            file: shown(&path),
            long: BTreeMap::new(),
        };
        functions.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
        long.append(&mut functions.long);
    }
    compare(&long, FUNCTIONS, FUNCTION_LINES_MAX);
}
