//! Facts about a type, from its spelling.
//!
//! A macro sees tokens and no types: `type Id = u64` hides that `Id` is a number. So these facts are used only for
//! better early messages, or to convert a literal. The compiler decides the rest.

use hybrid_validate::Num;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// The kind of a type, without the `Option` and `Box` around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeKind {
    /// An integer with its number of bits. `usize` counts as 64 bits.
    Int {
        signed: bool,
        bits: u32,
    },
    Float,
    Bool,
    Char,
    /// `String` or `Cow<str>`.
    Text,
    /// `Vec`, a set or an array: a type with items.
    List,
    /// `HashMap` or `BTreeMap`.
    Map,
    /// The spelling does not tell.
    Unknown,
}

/// The last segment of the type's path, without parentheses and invisible groups.
pub(crate) fn segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => segment(&group.elem),
        Type::Paren(paren) => segment(&paren.elem),
        _ => None,
    }
}

/// Whether the type's last segment is this name.
pub(crate) fn is(ty: &Type, name: &str) -> bool {
    segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The `n`th type between the angle brackets of the last segment.
pub(crate) fn argument(ty: &Type, n: usize) -> Option<&Type> {
    let PathArguments::AngleBracketed(brackets) = &segment(ty)?.arguments else {
        return None;
    };
    brackets
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .nth(n)
}

/// The type in an `Option`, if the type is spelled as one.
pub(crate) fn option(ty: &Type) -> Option<&Type> {
    if is(ty, "Option") {
        argument(ty, 0)
    } else {
        None
    }
}

/// Whether the type is spelled as a `Patch`.
pub(crate) fn is_patch(ty: &Type) -> bool {
    is(ty, "Patch") && argument(ty, 0).is_some()
}

/// Whether it may contain a date or time of `chrono`. Types of `jiff` with the same names have no parameter.
pub(crate) fn is_date(ty: &Type) -> bool {
    let element = element(ty);
    let names = ["NaiveDate", "NaiveTime", "NaiveDateTime"];
    names.into_iter().any(|name| is(element, name))
        || (is(element, "DateTime") && argument(element, 0).is_some())
}

/// The type without the `Option`s and pointers around it. Rules apply to the inner type.
pub(crate) fn bare(ty: &Type) -> &Type {
    match segment(ty)
        .map(|segment| segment.ident.to_string())
        .as_deref()
    {
        Some("Option" | "Patch" | "Box" | "Arc" | "Rc") => argument(ty, 0).map_or(ty, bare),
        _ => ty,
    }
}

/// Whether it is an `Option`, a `Patch` or a list, which pass their values to a user's check one by one.
pub(crate) fn holds_others(ty: &Type) -> bool {
    let wraps = is(ty, "Option") || is(ty, "Patch");
    kind(ty) == TypeKind::List || (wraps && argument(ty, 0).is_some())
}

/// The type that rules for single values apply to: elements of lists and values of maps, without `Option` and `Box`.
pub(crate) fn element(ty: &Type) -> &Type {
    let bare = bare(ty);
    if let Type::Array(array) = bare {
        return element(&array.elem);
    }
    match (kind(bare), is(bare, "HashMap") || is(bare, "BTreeMap")) {
        (TypeKind::List, _) => argument(bare, 0).map_or(bare, element),
        (TypeKind::Map, true) => argument(bare, 1).map_or(bare, element),
        _ => bare,
    }
}

/// The kind of the type itself.
pub(crate) fn kind(ty: &Type) -> TypeKind {
    if let Type::Array(_) | Type::Slice(_) = ty {
        return TypeKind::List;
    }
    let Some(segment) = segment(ty) else {
        return TypeKind::Unknown;
    };
    match segment.ident.to_string().as_str() {
        "u8" => TypeKind::Int {
            signed: false,
            bits: 8,
        },
        "u16" => TypeKind::Int {
            signed: false,
            bits: 16,
        },
        "u32" => TypeKind::Int {
            signed: false,
            bits: 32,
        },
        "u64" | "usize" => TypeKind::Int {
            signed: false,
            bits: 64,
        },
        "u128" => TypeKind::Int {
            signed: false,
            bits: 128,
        },
        "i8" => TypeKind::Int {
            signed: true,
            bits: 8,
        },
        "i16" => TypeKind::Int {
            signed: true,
            bits: 16,
        },
        "i32" => TypeKind::Int {
            signed: true,
            bits: 32,
        },
        "i64" | "isize" => TypeKind::Int {
            signed: true,
            bits: 64,
        },
        "i128" => TypeKind::Int {
            signed: true,
            bits: 128,
        },
        "f32" | "f64" => TypeKind::Float,
        "bool" => TypeKind::Bool,
        "char" => TypeKind::Char,
        "String" => TypeKind::Text,
        "Cow" if argument(ty, 0).is_some_and(|inner| is(inner, "str")) => TypeKind::Text,
        "Vec" | "VecDeque" | "HashSet" | "BTreeSet" => TypeKind::List,
        "HashMap" | "BTreeMap" => TypeKind::Map,
        _ => TypeKind::Unknown,
    }
}

/// The smallest and the greatest integer with this number of bits.
pub(crate) fn limits(signed: bool, bits: u32) -> (Num, Num) {
    if signed {
        (
            Num::Int(i128::MIN >> (128 - bits)),
            Num::Int(i128::MAX >> (128 - bits)),
        )
    } else {
        (Num::Int(0), Num::from_u128(u128::MAX >> (128 - bits)))
    }
}

/// The type as a user would write it, for messages.
pub(crate) fn spelled(ty: &Type) -> String {
    use quote::ToTokens as _;
    let mut text = String::new();
    for token in ty.to_token_stream().to_string().split(' ') {
        let tight = text.is_empty()
            || matches!(token, "<" | ">" | "," | "::" | ";" | ")" | "]")
            || text.ends_with(['<', '&', '(', '['])
            || text.ends_with("::")
            || text.ends_with('\'')
            || token.starts_with(['<', '>', ',']);
        if !tight {
            text.push(' ');
        }
        text.push_str(token);
    }
    text
}

#[cfg(test)]
mod tests {
    use syn::{Type, parse_quote};

    use super::{TypeKind, element, kind, spelled};

    #[test]
    fn elements_are_found_through_wrappers() {
        let ty: Type = parse_quote!(Option<Vec<Option<std::boxed::Box<u8>>>>);
        assert_eq!(
            kind(element(&ty)),
            TypeKind::Int {
                signed: false,
                bits: 8
            }
        );
        let ty: Type = parse_quote!(HashMap<String, f32>);
        assert_eq!(kind(element(&ty)), TypeKind::Float);
        let ty: Type = parse_quote!(Id);
        assert_eq!(kind(element(&ty)), TypeKind::Unknown);
    }

    #[test]
    fn types_are_shown_as_they_are_written() {
        let ty: Type = parse_quote!(Option<HashMap<String, Vec<u8>>>);
        assert_eq!(spelled(&ty), "Option<HashMap<String, Vec<u8>>>");
        let ty: Type = parse_quote!(&'static str);
        assert_eq!(spelled(&ty), "&'static str");
        let ty: Type = parse_quote!((u8, [u8; 4], std::sync::Arc<dyn Any>));
        assert_eq!(spelled(&ty), "(u8, [u8; 4], std::sync::Arc<dyn Any>)");
    }
}
