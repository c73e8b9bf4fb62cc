//! What a model means: its names on the wire, its fields with their rules, the form of its enum.
//!
//! Built from the item and its attributes, with every sound part filled in and every unsound part reported. `check` and
//! `expand` read this and never an attribute.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Data, DeriveInput, Generics, Ident, LitStr, Member, Meta, Path, Type, parse_quote,
};

use super::generics::Mentions;
use super::item::is;
use super::serde_attr::{DefaultFn, OnField, OnType, OnVariant};
use crate::case::Case;
use crate::diag::Diagnostics;
use crate::options::Options;
use crate::parse::function::docs;
use crate::rules::{self, DefaultValue, Rules};

/// A user's type with everything that is said about it.
#[derive(Debug)]
pub(crate) struct Model {
    /// Where the facade is found: `::hybrid`, unless `crate = path` says otherwise.
    pub(crate) root: Path,
    pub(crate) name: Ident,
    pub(crate) wire: String,
    pub(crate) generics: Generics,
    pub(crate) mode: Mode,
    pub(crate) deny: bool,
    pub(crate) deny_at: Option<Span>,
    pub(crate) validate: Option<Path>,
    pub(crate) serde: OnType,
    pub(crate) docs: Docs,
    pub(crate) body: Body,
}

/// Which ways a model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Both,
    Input,
    Output,
}

/// A doc comment: a first line `# Title`, and the rest.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    pub(crate) title: String,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) enum Body {
    Struct(Shape),
    Enum(Form, Vec<Variant>),
}

/// How serde writes an enum.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    External,
    Internal(LitStr),
    Adjacent(LitStr, LitStr),
    Untagged,
}

#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: Ident,
    pub(crate) wire: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) skip: bool,
    pub(crate) docs: Docs,
    pub(crate) shape: Shape,
}

/// The fields of a struct or a variant.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Named,
    Newtype,
    Tuple,
    Unit,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) member: Member,
    /// Where to point at.
    pub(crate) span: Span,
    pub(crate) ty: Type,
    pub(crate) wire: String,
    /// The wire name is written out and has an underscore: so is a header of that name.
    pub(crate) is_spelled: bool,
    pub(crate) rules: Rules,
    pub(crate) csv: bool,
    pub(crate) serde: OnField,
    /// The function that makes the default of `#[field(default = ..)]`.
    pub(crate) default_fn: Option<(Ident, syn::Expr)>,
    /// The type's own default where serde has one for the whole of it.
    pub(crate) from_whole: Option<DefaultFn>,
    /// The static that holds the `Param`: `__ID`.
    pub(crate) place: Ident,
    /// What the code around binds: `__id`.
    pub(crate) binding: Ident,
    /// Whether the type names a parameter of the model, so that no static can hold its `Param`.
    pub(crate) generic: bool,
}

/// The words of `#[model(..)]`.
const WORDS: &[&str] = &["input", "output", "deny_unknown", "validate", "crate"];

impl Model {
    /// Reads the attribute and the item.
    pub(crate) fn build(mut options: Options, item: &DeriveInput, diag: &mut Diagnostics) -> Self {
        let root = options
            .take("crate")
            .and_then(|opt| opt.path(diag))
            .unwrap_or_else(|| parse_quote!(::hybrid));
        let mode = mode(&mut options, diag);
        let deny = options.take("deny_unknown");
        let deny_at = deny.as_ref().map(|opt| opt.key.span());
        let denied = deny.is_some_and(|opt| opt.flag(diag));
        let validate = options.take("validate").and_then(|opt| opt.path(diag));
        for positional in &options.positional {
            diag.error(
                positional,
                "write the word first: `#[model(validate = path)]`",
            );
        }
        options.reject_rest(WORDS, diag);
        let serde = OnType::read(&item.attrs, diag);
        let wire = serde
            .rename
            .clone()
            .unwrap_or_else(|| item.ident.unraw().to_string());
        let mut reader = Reader::new(item);
        let body = reader.body(item, &serde, diag);
        Self {
            root,
            name: item.ident.clone(),
            wire,
            generics: item.generics.clone(),
            mode,
            deny: denied || serde.deny_unknown_fields,
            deny_at,
            validate,
            serde,
            docs: Docs::read(&item.attrs),
            body,
        }
    }

    /// Every field, those of variants included, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        let shapes: Vec<&Shape> = match &self.body {
            Body::Struct(shape) => vec![shape],
            Body::Enum(_, variants) => variants.iter().map(|variant| &variant.shape).collect(),
        };
        shapes.into_iter().flat_map(|shape| &shape.fields)
    }

    /// Whether it is read from requests.
    pub(crate) fn is_read(&self) -> bool {
        self.mode != Mode::Output
    }

    /// The type that serde makes it from, if it is another one.
    pub(crate) fn made_from(&self) -> Option<&Type> {
        self.serde.from.as_ref().or(self.serde.try_from.as_ref())
    }

    /// Whether there is anything to check that serde does not.
    pub(crate) fn has_rules(&self) -> bool {
        self.validate.is_some() || self.fields().any(Field::is_checked)
    }
}

impl Field {
    /// Whether its value can break a rule.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.list.is_empty()
    }

    /// Whether its rules can only be judged by the running program: its default against them, or a pattern's size.
    pub(crate) fn has_open_questions(&self) -> bool {
        let regex = |rule: &rules::Rule| matches!(rule.what, rules::What::Regex(_));
        let named = !self.serde.flatten;
        named && self.has_rules() && (self.has_default() || self.rules.list.iter().any(regex))
    }

    /// Whether it holds `f32`s, as it is spelled: serde makes infinity of what such a number cannot hold.
    pub(crate) fn holds_singles(&self) -> bool {
        self.is_read() && !self.generic && crate::types::is(crate::types::element(&self.ty), "f32")
    }

    /// Whether there is something to check that serde does not.
    pub(crate) fn is_checked(&self) -> bool {
        self.has_rules() || self.holds_singles()
    }

    /// Whether it is read from what was sent.
    pub(crate) fn is_read(&self) -> bool {
        !self.serde.skip
    }

    /// The function that serde calls for a value that is not sent, where we name one.
    pub(crate) fn default_path(&self) -> Option<Path> {
        if let Some(DefaultValue::With(path)) = &self.rules.default {
            return Some(path.clone());
        }
        match (&self.serde.default, self.serde.skip) {
            (Some(DefaultFn::Path(path)), true) => Some(path.path.clone()),
            _ => None,
        }
    }

    /// Whether it may be left out of a partial update, and nothing else stands for it.
    pub(crate) fn is_patch(&self) -> bool {
        crate::types::is_patch(&self.ty) && self.is_read() && !self.has_default()
    }

    pub(crate) fn has_default(&self) -> bool {
        self.rules.has_default() || self.serde.default.is_some() || self.from_whole.is_some()
    }

    /// How messages name it.
    pub(crate) fn shown(&self) -> String {
        self.member.to_token_stream().to_string()
    }
}

impl Docs {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let text = docs(attrs).join("\n").trim().to_owned();
        let Some(rest) = text.strip_prefix("# ") else {
            return Self {
                title: String::new(),
                text,
            };
        };
        let (title, text) = rest.split_once('\n').unwrap_or((rest, ""));
        Self {
            title: title.trim().to_owned(),
            text: text.trim().to_owned(),
        }
    }
}

fn mode(options: &mut Options, diag: &mut Diagnostics) -> Mode {
    let input = options.take("input").filter(|opt| opt.flag(diag));
    let output = options.take("output").filter(|opt| opt.flag(diag));
    match (input, output) {
        (Some(_), Some(output)) => {
            diag.error(
                &output.key,
                "`input` and `output` together are the default, leave both out",
            );
            Mode::Both
        }
        (Some(_), None) => Mode::Input,
        (None, Some(_)) => Mode::Output,
        (None, None) => Mode::Both,
    }
}

/// Reads fields and variants.
struct Reader {
    mentions: Mentions,
    whole: WholeType,
    places: Vec<String>,
    bindings: Vec<String>,
}

impl Reader {
    fn new(item: &DeriveInput) -> Self {
        let (_, arguments, _) = item.generics.split_for_impl();
        let name = &item.ident;
        Self {
            mentions: Mentions::new(&item.generics),
            whole: WholeType(parse_quote!(#name #arguments)),
            places: Vec::new(),
            bindings: Vec::new(),
        }
    }

    fn body(&mut self, item: &DeriveInput, serde: &OnType, diag: &mut Diagnostics) -> Body {
        match &item.data {
            Data::Struct(data) => {
                let case = serde.rename_all;
                let shape = self.shape(&data.fields, "", case, serde.default.as_ref(), diag);
                Body::Struct(shape)
            }
            Data::Enum(data) => {
                let form = match (&serde.tag, &serde.content, serde.untagged) {
                    (_, _, true) => Form::Untagged,
                    (Some(tag), Some(content), _) => Form::Adjacent(tag.clone(), content.clone()),
                    (Some(tag), None, _) => Form::Internal(tag.clone()),
                    (None, ..) => Form::External,
                };
                let variants = data
                    .variants
                    .iter()
                    .map(|variant| self.variant(variant, serde, diag));
                Body::Enum(form, variants.collect())
            }
            Data::Union(data) => {
                diag.error(
                    data.union_token,
                    "a union has no form on the wire, make it an enum",
                );
                Body::Struct(Shape {
                    kind: Kind::Unit,
                    fields: Vec::new(),
                })
            }
        }
    }

    fn variant(&mut self, raw: &syn::Variant, on: &OnType, diag: &mut Diagnostics) -> Variant {
        reject_conditional(&raw.attrs, "variant", diag);
        let serde = OnVariant::read(&raw.attrs, diag);
        let name = raw.ident.unraw().to_string();
        let wire = serde.rename.unwrap_or_else(|| {
            on.rename_all
                .map_or_else(|| name.clone(), |case| case.variant(&name))
        });
        for attr in raw.attrs.iter().filter(|attr| is(attr, "field")) {
            diag.error(
                attr,
                "`#[field]` belongs on a field, put it inside the variant",
            );
        }
        let case = serde.rename_all.or(on.rename_all_fields);
        let shape = self.shape(&raw.fields, &format!("{name}_"), case, None, diag);
        Variant {
            name: raw.ident.clone(),
            wire,
            aliases: serde.aliases,
            skip: serde.skip,
            docs: Docs::read(&raw.attrs),
            shape,
        }
    }

    fn shape(
        &mut self,
        raw: &syn::Fields,
        prefix: &str,
        case: Option<Case>,
        whole: Option<&DefaultFn>,
        diag: &mut Diagnostics,
    ) -> Shape {
        let kind = match raw {
            syn::Fields::Named(_) => Kind::Named,
            syn::Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Kind::Newtype,
            syn::Fields::Unnamed(_) => Kind::Tuple,
            syn::Fields::Unit => Kind::Unit,
        };
        let mut fields = Vec::new();
        for (index, one) in raw.iter().enumerate() {
            fields.push(self.field(index, one, prefix, case, whole, diag));
        }
        Shape { kind, fields }
    }

    fn field(
        &mut self,
        index: usize,
        raw: &syn::Field,
        prefix: &str,
        case: Option<Case>,
        whole: Option<&DefaultFn>,
        diag: &mut Diagnostics,
    ) -> Field {
        reject_conditional(&raw.attrs, "field", diag);
        let serde = OnField::read(&raw.attrs, diag);
        let mut ty = raw.ty.clone();
        self.whole.visit_type_mut(&mut ty);
        let (mut rules, csv) = rules_of(&raw.attrs, &ty, diag);
        let docs = Docs::read(&raw.attrs);
        if rules.description.is_none() && !docs.text.is_empty() {
            rules.description = Some(docs.text);
        }
        rules.deprecated |= raw.attrs.iter().any(|attr| is(attr, "deprecated"));
        rules.check(&ty, diag);
        let own = raw
            .ident
            .as_ref()
            .map_or_else(|| index.to_string(), |name| name.unraw().to_string());
        let renamed = rules
            .alias
            .as_ref()
            .or(serde.rename.as_ref())
            .map(LitStr::value);
        let is_spelled = renamed.as_ref().is_some_and(|name| name.contains('_'));
        let wire =
            renamed.unwrap_or_else(|| case.map_or_else(|| own.clone(), |case| case.field(&own)));
        let member = raw
            .ident
            .clone()
            .map_or_else(|| Member::from(index), Member::Named);
        let stem = if raw.ident.is_some() {
            own.clone()
        } else {
            format!("field_{index}")
        };
        let place = self.place(prefix, &stem);
        let default_fn = take_default(&mut rules, &place);
        let from_whole = whole
            .cloned()
            .filter(|_| raw.ident.is_some() && serde.default.is_none());
        Field {
            span: raw
                .ident
                .as_ref()
                .map_or_else(|| raw.ty.span(), Ident::span),
            generic: self.mentions.any(&ty),
            place,
            default_fn,
            binding: self.binding(&stem),
            member,
            ty,
            wire,
            is_spelled,
            rules,
            csv,
            serde,
            from_whole,
        }
    }

    /// The name of the field's static, unlike all before it.
    fn place(&mut self, prefix: &str, own: &str) -> Ident {
        let mut name = format!("__{prefix}{own}").to_uppercase();
        while self.places.contains(&name) || self.bindings.contains(&name) {
            name.push('_');
        }
        self.places.push(name.clone());
        Ident::new(&name, Span::mixed_site())
    }

    /// The name that stands for the field's value. A static of that name would not be shadowed but matched.
    fn binding(&mut self, own: &str) -> Ident {
        let mut name = format!("__{own}");
        while self.places.contains(&name) {
            name.push('_');
        }
        self.bindings.push(name.clone());
        Ident::new(&name, Span::mixed_site())
    }
}

/// Puts the type itself in the place of `Self`, which means nothing in a static.
struct WholeType(Type);

impl VisitMut for WholeType {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty
            && path.qself.is_none()
            && path.path.is_ident("Self")
        {
            *ty = self.0.clone();
        } else {
            syn::visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// Everything in the `#[field(..)]` of one field.
fn rules_of(attrs: &[Attribute], ty: &Type, diag: &mut Diagnostics) -> (Rules, bool) {
    let mut options = Options::default();
    for attr in attrs.iter().filter(|attr| is(attr, "field")) {
        match &attr.meta {
            Meta::List(list) => options.extend(list.tokens.clone(), diag),
            Meta::Path(_) => {}
            Meta::NameValue(pair) => {
                diag.error(pair, "write the rules in parentheses: `#[field(ge = 1)]`");
            }
        }
    }
    let rules = Rules::take(&mut options, diag);
    let csv = csv(&mut options, ty, diag);
    for positional in &options.positional {
        diag.error(positional, "the wire name is written `alias = \"name\"`");
    }
    let mut known = rules::WORDS.to_vec();
    known.push("style");
    options.reject_rest(&known, diag);
    (rules, csv)
}

/// Puts a default that is written as an expression into a function, which serde and the `Param` both name.
fn take_default(rules: &mut Rules, place: &Ident) -> Option<(Ident, syn::Expr)> {
    let Some(DefaultValue::Expr(expr)) = &rules.default else {
        return None;
    };
    let (name, expr) = (Field::default_name(place), expr.clone());
    rules.default = Some(DefaultValue::With(parse_quote!(#name)));
    Some((name, expr))
}

fn csv(options: &mut Options, ty: &Type, diag: &mut Diagnostics) -> bool {
    let Some(opt) = options.take("style") else {
        return false;
    };
    let Some(word) = opt.word(&["csv", "repeated"], diag) else {
        return false;
    };
    if word != "csv" && word != "repeated" {
        diag.unknown(&word, "style", &["csv", "repeated"]);
    }
    let list = matches!(
        crate::types::kind(crate::types::bare(ty)),
        crate::types::Kind::List | crate::types::Kind::Unknown
    );
    if !list {
        diag.error(&opt.key, "`style` is about lists, make the field a `Vec`");
    }
    word == "csv"
}

/// Whether a field is there must be known here, where every part of the model is written out.
fn reject_conditional(attrs: &[Attribute], what: &str, diag: &mut Diagnostics) {
    for attr in attrs
        .iter()
        .filter(|attr| is(attr, "cfg") || is(attr, "cfg_attr"))
    {
        diag.error(
            attr,
            format_args!(
                "a {what} of a model cannot be conditional: put `#[cfg(..)]` on two types instead"
            ),
        );
    }
}
