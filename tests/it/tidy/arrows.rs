//! The arrows between the top modules of a crate, and the circles that they form.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use super::{
    files::shown,
    names::Names,
    source::{Module, modules},
};

/// An arrow: from a folder to one that it uses.
pub(super) type Arrow = (String, String);

/// Who uses what: for every arrow the files and the paths in them.
pub(super) struct Arrows(BTreeMap<Arrow, BTreeSet<(String, String)>>);

/// The folder that a module lies in: a file `src/x.rs` is folder `x`, and `src/lib.rs` is
/// `lib`.
fn folder(module: &Module) -> &str {
    module.path.first().map_or("lib", String::as_str)
}

/// Whether it is more than `crate`, `self` or `super`, which are words of attributes too.
fn says_more(path: &[String]) -> bool {
    path.iter()
        .any(|segment| !matches!(segment.as_str(), "crate" | "self" | "super"))
}

impl Arrows {
    /// The arrows of a crate, by its folder of sources.
    pub(super) fn of(source: &Path) -> Self {
        let modules = modules(source);
        let names = Names::of(&modules);
        let mut arrows = BTreeMap::<Arrow, BTreeSet<_>>::new();
        for (number, module) in modules.iter().enumerate() {
            for path in names.paths(number).iter().filter(|path| says_more(path)) {
                let Some(used) = names.definition(number, path) else {
                    continue;
                };
                let arrow = (folder(module).to_owned(), folder(&modules[used]).to_owned());
                if arrow.0 != arrow.1 {
                    let place = (shown(&module.file), path.join("::"));
                    arrows.entry(arrow).or_default().insert(place);
                }
            }
        }
        Self(arrows)
    }

    pub(super) fn contains(&self, arrow: &Arrow) -> bool {
        self.0.contains_key(arrow)
    }

    /// Leaves one out.
    pub(super) fn remove(&mut self, arrow: &Arrow) {
        self.0.remove(arrow);
    }

    fn from<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        let arrows = self.0.keys();
        let of = arrows.filter(move |(from, _)| from == folder);
        of.map(|(_, to)| to.as_str())
    }

    /// Whether arrows lead from one folder to another, over at least one.
    pub(super) fn lead(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(folder) = open.pop() {
            for next in self.from(folder) {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// The circles: sets of folders each of which leads to all others.
    pub(super) fn circles(&self) -> Vec<BTreeSet<&str>> {
        let mut circles = Vec::<BTreeSet<&str>>::new();
        for (folder, _) in self.0.keys() {
            let is_known = circles
                .iter()
                .any(|circle| circle.contains(folder.as_str()));
            if is_known || !self.lead(folder, folder) {
                continue;
            }
            let all = self.0.keys().map(|(other, _)| other.as_str());
            let circle = all.filter(|other| self.lead(folder, other) && self.lead(other, folder));
            circles.push(circle.collect());
        }
        circles
    }

    /// A line for every arrow inside of that circle, with the places that make it.
    pub(super) fn inside(&self, circle: &BTreeSet<&str>) -> String {
        let is_inside =
            |arrow: &Arrow| circle.contains(arrow.0.as_str()) && circle.contains(arrow.1.as_str());
        self.list(is_inside)
    }

    /// A line for every arrow, with the places that make it.
    pub(super) fn all(&self) -> String {
        self.list(|_| true)
    }

    fn list(&self, is_wanted: impl Fn(&Arrow) -> bool) -> String {
        let mut list = String::new();
        for (arrow, places) in self.0.iter().filter(|(arrow, _)| is_wanted(arrow)) {
            writeln!(list, "    {} -> {}", arrow.0, arrow.1).unwrap();
            for (file, path) in places {
                let is_import =
                    |path: &str| path.starts_with("crate::") || path.starts_with("super::");
                // Of what is imported the import is enough.
                let mut others = places.iter().filter(|(other, _)| other == file);
                if is_import(path) || !others.any(|(_, path)| is_import(path)) {
                    writeln!(list, "        {file}: {path}").unwrap();
                }
            }
        }
        list
    }

    /// The arrows that no longer way says: a drawing of them shows the order. Only for
    /// arrows without circles.
    pub(super) fn essential(&self) -> Vec<&Arrow> {
        let is_implied = |arrow: &Arrow| {
            let mut others = self.from(&arrow.0).filter(|other| *other != arrow.1);
            others.any(|other| self.lead(other, &arrow.1))
        };
        self.0.keys().filter(|arrow| !is_implied(arrow)).collect()
    }
}
