//! Where a path leads inside of a crate: through imports, re-exports and globs to the
//! module that defines what it names.

use std::collections::HashMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Ident, ImplItem, Item, Macro, TraitItem, UseTree, Visibility,
    visit::{self, Visit},
};

use super::source::{Module, is_for_tests};

pub(super) type Segments = Vec<String>;

/// What a name means in a module.
#[derive(Clone)]
enum Meaning {
    Module(usize),
    /// Defined in that module.
    Item(usize),
    Import(Segments),
}

/// What is known of a module: the names in it, and the paths that its code contains.
#[derive(Default)]
struct Scope {
    names: HashMap<String, Vec<Meaning>>,
    globs: Vec<Segments>,
    paths: Vec<Segments>,
}

/// The names of a crate.
pub(super) struct Names {
    scopes: Vec<Scope>,
    parents: Vec<Option<usize>>,
}

/// How many imports may stand between a name and its definition.
const IMPORTS_MAX: usize = 32;

impl Names {
    pub(super) fn of(modules: &[Module]) -> Self {
        let mut names = Self {
            scopes: modules.iter().map(|_| Scope::default()).collect(),
            parents: modules.iter().map(|module| module.parent).collect(),
        };
        for (number, module) in modules.iter().enumerate() {
            for (name, child) in &module.children {
                names.mean(number, name.clone(), Meaning::Module(*child));
            }
            for item in &module.items {
                names.define(number, item);
                let mut collector = Collector {
                    scope: &mut names.scopes[number],
                    is_root: number == 0,
                };
                collector.visit_item(item);
            }
        }
        names
    }

    fn mean(&mut self, module: usize, name: String, meaning: Meaning) {
        self.scopes[module]
            .names
            .entry(name)
            .or_default()
            .push(meaning);
    }

    fn define(&mut self, module: usize, item: &Item) {
        let Some(name) = defined(item) else {
            return;
        };
        if let Item::Macro(it) = item
            && it.attrs.iter().any(|it| it.path().is_ident("macro_export"))
        {
            self.mean(0, name.to_string(), Meaning::Item(module));
        }
        self.mean(module, name.to_string(), Meaning::Item(module));
    }

    /// The paths that a module's code and its imports contain.
    pub(super) fn paths(&self, module: usize) -> &[Segments] {
        &self.scopes[module].paths
    }

    /// The module that defines what that path names, or is it. `None` for what other crates
    /// define.
    pub(super) fn definition(&self, module: usize, path: &[String]) -> Option<usize> {
        self.follow(module, path, true, IMPORTS_MAX)
            .map(|found| match found {
                Meaning::Module(module) | Meaning::Item(module) => module,
                Meaning::Import(_) => unreachable!("imports are followed"),
            })
    }

    fn follow(
        &self,
        module: usize,
        path: &[String],
        goes_on: bool,
        imports: usize,
    ) -> Option<Meaning> {
        let imports = imports.checked_sub(1)?;
        let mut rest = path;
        let mut here = module;
        let mut is_explicit = false;
        while let Some((first, others)) = rest.split_first() {
            here = match first.as_str() {
                "crate" => 0,
                "self" => here,
                "super" => self.parents[here]?,
                _ => break,
            };
            is_explicit = true;
            rest = others;
        }
        while let Some((first, others)) = rest.split_first() {
            match self.look_up(here, first, goes_on || !others.is_empty(), imports) {
                Found::Here(Meaning::Module(module)) => here = module,
                Found::Here(item) => return Some(item),
                // What a macro defines is not seen, but where it stands.
                Found::Nowhere if is_explicit => return Some(Meaning::Item(here)),
                Found::Nowhere | Found::Elsewhere => return None,
            }
            is_explicit = true;
            rest = others;
        }
        Some(Meaning::Module(here))
    }

    fn look_up(&self, module: usize, name: &str, goes_on: bool, imports: usize) -> Found {
        let scope = &self.scopes[module];
        let mut found = Found::Nowhere;
        for meaning in scope.names.get(name).into_iter().flatten() {
            let meaning = match meaning {
                // `use http;` names another crate.
                Meaning::Import(path) if path.len() == 1 && path[0] == name => None,
                Meaning::Import(path) => self.follow(module, path, goes_on, imports),
                known => Some(known.clone()),
            };
            let is_module = matches!(meaning, Some(Meaning::Module(_)));
            found = match (meaning, found) {
                (Some(meaning), Found::Here(_)) if is_module == goes_on => Found::Here(meaning),
                (_, Found::Here(before)) => Found::Here(before),
                (Some(meaning), _) => Found::Here(meaning),
                (None, _) => Found::Elsewhere,
            };
        }
        if matches!(found, Found::Nowhere) {
            self.through_globs(module, name, goes_on, imports)
        } else {
            found
        }
    }

    fn through_globs(&self, module: usize, name: &str, goes_on: bool, imports: usize) -> Found {
        let Some(imports) = imports.checked_sub(1) else {
            return Found::Nowhere;
        };
        for glob in &self.scopes[module].globs {
            if let Some(Meaning::Module(of)) = self.follow(module, glob, true, imports)
                && of != module
                && let found @ Found::Here(_) = self.look_up(of, name, goes_on, imports)
            {
                return found;
            }
        }
        Found::Nowhere
    }
}

/// What is known of a name in a module.
enum Found {
    /// A module or an item of this crate.
    Here(Meaning),
    /// An item of another crate.
    Elsewhere,
    Nowhere,
}

fn defined(item: &Item) -> Option<&Ident> {
    Some(match item {
        Item::Const(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Macro(it) => it.ident.as_ref()?,
        Item::Static(it) => &it.ident,
        Item::Struct(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::TraitAlias(it) => &it.ident,
        Item::Type(it) => &it.ident,
        Item::Union(it) => &it.ident,
        _ => return None,
    })
}

/// Collects the paths of items that are not for tests alone.
struct Collector<'a> {
    scope: &'a mut Scope,
    is_root: bool,
}

impl Collector<'_> {
    fn import(&mut self, tree: &UseTree, before: &[String], is_counted: bool) {
        let joined = |name: &Ident| [before, &[name.to_string()]].concat();
        let (name, path) = match tree {
            UseTree::Path(it) => return self.import(&it.tree, &joined(&it.ident), is_counted),
            UseTree::Group(it) => {
                let trees = it.items.iter();
                return trees.for_each(|tree| self.import(tree, before, is_counted));
            }
            UseTree::Glob(_) => return self.scope.globs.push(before.to_vec()),
            UseTree::Name(it) if it.ident == "self" => {
                (before.last().cloned().unwrap_or_default(), before.to_vec())
            }
            UseTree::Name(it) => (it.ident.to_string(), joined(&it.ident)),
            UseTree::Rename(it) if it.ident == "self" => (it.rename.to_string(), before.to_vec()),
            UseTree::Rename(it) => (it.rename.to_string(), joined(&it.ident)),
        };
        if is_counted {
            self.scope.paths.push(path.clone());
        }
        if name == "_" {
            return;
        }
        self.scope
            .names
            .entry(name)
            .or_default()
            .push(Meaning::Import(path));
    }

    /// The paths in what only a macro can read.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_punct = |at: usize, what: char| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == what);
        let is_colons = |at: usize| is_punct(at, ':') && is_punct(at + 1, ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let is_field = at > 0 && is_punct(at - 1, '.');
                    let is_foreign = at > 1 && is_colons(at - 2);
                    let mut path = vec![first.to_string()];
                    while is_colons(at + 1)
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 3)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if !is_field && !is_foreign {
                        self.scope.paths.push(path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let is_kept = match item {
            Item::Const(it) => !is_for_tests(&it.attrs),
            Item::Enum(it) => !is_for_tests(&it.attrs),
            Item::Fn(it) => !is_for_tests(&it.attrs),
            Item::Impl(it) => !is_for_tests(&it.attrs),
            Item::Macro(it) => !is_for_tests(&it.attrs),
            Item::Mod(it) => !is_for_tests(&it.attrs),
            Item::Static(it) => !is_for_tests(&it.attrs),
            Item::Struct(it) => !is_for_tests(&it.attrs),
            Item::Trait(it) => !is_for_tests(&it.attrs),
            Item::Type(it) => !is_for_tests(&it.attrs),
            Item::Use(it) => {
                let is_face = self.is_root && matches!(it.vis, Visibility::Public(_));
                if !is_for_tests(&it.attrs) && it.leading_colon.is_none() {
                    self.import(&it.tree, &[], !is_face);
                }
                return;
            }
            _ => true,
        };
        if is_kept {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(it) => &it.attrs,
            ImplItem::Const(it) => &it.attrs,
            ImplItem::Type(it) => &it.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if !matches!(item, TraitItem::Fn(it) if is_for_tests(&it.attrs)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|it| it.ident.to_string());
            self.scope.paths.push(segments.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast Macro) {
        self.visit_path(&it.path);
        self.tokens(it.tokens.clone());
    }

    /// `pub(in path)` is no use of the path.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    /// Of an attribute only texts name our own items: `#[serde(with = "path")]`.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.texts(list.tokens.clone());
        }
    }
}

impl Collector<'_> {
    fn texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let path = text.trim_matches('"').split("::").map(str::to_owned);
                    let path: Segments = path.collect();
                    if path.len() > 1 {
                        self.scope.paths.push(path);
                    }
                }
                _ => {}
            }
        }
    }
}
