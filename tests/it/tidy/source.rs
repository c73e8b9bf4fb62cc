//! The crates' modules, parsed.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemMod, Meta, Token, punctuated::Punctuated};

/// A module of a crate, without what only tests compile.
pub(super) struct Module {
    /// The names of its parents and its own; empty for the crate's root.
    pub(super) path: Vec<String>,
    pub(super) parent: Option<usize>,
    pub(super) file: PathBuf,
    pub(super) items: Vec<Item>,
    pub(super) children: HashMap<String, usize>,
}

/// The modules of a crate: the root first, every other after its parent.
pub(super) fn modules(source: &Path) -> Vec<Module> {
    let file = source.join("lib.rs");
    let mut modules = Vec::new();
    parse(&mut modules, Vec::new(), None, file);
    modules
}

fn parse(
    modules: &mut Vec<Module>,
    path: Vec<String>,
    parent: Option<usize>,
    file: PathBuf,
) -> usize {
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed =
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if is_for_tests(&parsed.attrs) {
        return add(modules, path, parent, file, Vec::new());
    }
    add(modules, path, parent, file, parsed.items)
}

fn add(
    modules: &mut Vec<Module>,
    path: Vec<String>,
    parent: Option<usize>,
    file: PathBuf,
    items: Vec<Item>,
) -> usize {
    let this = modules.len();
    modules.push(Module {
        path: path.clone(),
        parent,
        file: file.clone(),
        items: Vec::new(),
        children: HashMap::new(),
    });
    let mut kept = Vec::new();
    for item in items {
        match item {
            Item::Mod(module) if is_for_tests(&module.attrs) => {}
            Item::Mod(module) => {
                let name = module.ident.to_string();
                let path = [path.as_slice(), std::slice::from_ref(&name)].concat();
                let child = match module.content {
                    Some((_, items)) => add(modules, path, Some(this), file.clone(), items),
                    None => {
                        let file = file_of(&file, &module, path.len());
                        parse(modules, path, Some(this), file)
                    }
                };
                modules[this].children.insert(name, child);
            }
            item => kept.push(item),
        }
    }
    modules[this].items = kept;
    this
}

/// The file of `mod name;`.
fn file_of(parent: &Path, module: &ItemMod, depth: usize) -> PathBuf {
    let folder = parent.parent().unwrap();
    if let Some(path) = path_attribute(module) {
        return folder.join(path);
    }
    let is_plain = depth > 1 && parent.file_name().unwrap() != "mod.rs";
    let folder = if is_plain {
        parent.with_extension("")
    } else {
        folder.to_owned()
    };
    let name = module.ident.to_string();
    let alone = folder.join(format!("{name}.rs"));
    if alone.exists() {
        alone
    } else {
        folder.join(name).join("mod.rs")
    }
}

fn path_attribute(module: &ItemMod) -> Option<String> {
    let attribute = module.attrs.iter().find(|it| it.path().is_ident("path"))?;
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

/// Whether it is compiled for tests alone.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.parse_args().expect("`cfg` holds a condition");
            without_tests(&condition) == Some(false)
        }
        _ => false,
    })
}

/// What a condition comes to where no test is compiled; `None` where features, or the
/// system, decide.
fn without_tests(condition: &Meta) -> Option<bool> {
    let list = match condition {
        Meta::Path(path) if path.is_ident("test") => return Some(false),
        Meta::List(list) => list,
        _ => return None,
    };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    let mut parts = parts.expect("conditions").into_iter();
    let mut parts = parts.by_ref().map(|part| without_tests(&part));
    if list.path.is_ident("not") {
        return parts.next().flatten().map(|is| !is);
    }
    let deciding = !list.path.is_ident("all");
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(deciding)) {
        Some(deciding)
    } else if parts.contains(&None) {
        None
    } else {
        Some(!deciding)
    }
}
