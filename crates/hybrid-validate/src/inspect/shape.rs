//! The JSON Schema (draft 2020-12) of a model. Generated code builds it with one line for each field.
//!
//! The rules come from the same [`Param`]s that check the values, so the schema always matches the checks. The schema
//! of other types comes from `schemars`. A type without a schema allows everything.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::Param;

/// The schema of an object, under construction.
#[derive(Debug, Default)]
pub struct Object {
    properties: Map<String, Value>,
    required: Vec<Value>,
    flattened: Vec<Value>,
    closed: bool,
}

impl Object {
    /// An object without properties.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A required property.
    #[must_use]
    pub fn required<T>(mut self, field: &Param<T>, shape: Schema) -> Self {
        self.required.push(field.name().into());
        self.optional(field, shape)
    }

    /// An optional property.
    #[must_use]
    pub fn optional<T>(self, field: &Param<T>, shape: Schema) -> Self {
        self.defaulted(field, shape, |_| None)
    }

    /// A property with a default.
    #[must_use]
    pub fn defaulted<T>(
        mut self,
        field: &Param<T>,
        shape: Schema,
        shown: fn(&T) -> Option<Value>,
    ) -> Self {
        self.properties
            .insert(field.name().to_owned(), described(field, shape, shown));
        self
    }

    /// The tag of an enum.
    #[must_use]
    pub fn tag(mut self, name: &str, variant: &str) -> Self {
        self.required.push(name.into());
        self.properties.insert(
            name.to_owned(),
            json!({ "type": "string", "const": variant }),
        );
        self
    }

    /// The content of an enum's variant.
    #[must_use]
    pub fn content(mut self, name: &str, shape: Schema) -> Self {
        self.required.push(name.into());
        self.properties.insert(name.to_owned(), shape.to_value());
        self
    }

    /// All properties of another type.
    #[must_use]
    pub fn flatten(mut self, shape: Schema) -> Self {
        self.flattened.push(shape.to_value());
        self
    }

    /// Allows only the declared properties.
    #[must_use]
    pub const fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// The schema.
    #[must_use]
    pub fn finish(self) -> Schema {
        let mut schema = json!({ "type": "object" });
        if !self.properties.is_empty() {
            schema["properties"] = Value::Object(self.properties);
        }
        if !self.required.is_empty() {
            schema["required"] = Value::Array(self.required);
        }
        if !self.flattened.is_empty() {
            schema["allOf"] = Value::Array(self.flattened);
        }
        if self.closed {
            schema["additionalProperties"] = false.into();
        }
        schema_of(schema)
    }
}

/// The schema of one field: the type's, the rules', the default.
pub fn described<T>(field: &Param<T>, shape: Schema, shown: fn(&T) -> Option<Value>) -> Value {
    let mut schema = field.schema(shape.to_value());
    if let Some(default) = field.default_value().as_ref().and_then(shown)
        && let Value::Object(keywords) = &mut schema
    {
        keywords.insert("default".to_owned(), default);
    }
    schema
}

/// The schema of a value without a name, with its rules.
#[must_use]
pub fn whole<T>(field: &Param<T>, shape: Schema) -> Schema {
    schema_of(described(field, shape, |_| None))
}

/// The schema of a tuple.
#[must_use]
pub fn tuple<const N: usize>(elements: [Schema; N]) -> Schema {
    let elements = Value::from_iter(elements.map(Schema::to_value));
    schema_of(json!({
        "type": "array", "prefixItems": elements, "minItems": N, "maxItems": N,
    }))
}

/// One of several words, with their descriptions.
#[must_use]
pub fn words(words: &[(&str, &str)]) -> Schema {
    if words.iter().all(|(_, doc)| doc.is_empty()) {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        return schema_of(json!({ "type": "string", "enum": names }));
    }
    let word = |(name, doc): &(&str, &str)| {
        documented(
            schema_of(json!({ "type": "string", "const": name })),
            "",
            doc,
        )
        .to_value()
    };
    schema_of(json!({ "oneOf": words.iter().map(word).collect::<Vec<_>>() }))
}

/// One of several forms. Exactly one of them fits.
#[must_use]
pub fn one_of<const N: usize>(forms: [Schema; N]) -> Schema {
    let forms = Value::from_iter(forms.map(Schema::to_value));
    schema_of(json!({ "oneOf": forms }))
}

/// One of several forms. The first that fits counts.
#[must_use]
pub fn any_of<const N: usize>(forms: [Schema; N]) -> Schema {
    let forms = Value::from_iter(forms.map(Schema::to_value));
    schema_of(json!({ "anyOf": forms }))
}

/// A single word.
#[must_use]
pub fn word(name: &str) -> Schema {
    schema_of(json!({ "type": "string", "const": name }))
}

/// `null`.
#[must_use]
pub fn null() -> Schema {
    schema_of(json!({ "type": "null" }))
}

/// Any value.
#[must_use]
pub fn anything() -> Schema {
    Schema::from(true)
}

/// The schema with the text of the doc comment: a first line `# Title` is the title.
#[must_use]
pub fn documented(schema: Schema, title: &str, description: &str) -> Schema {
    let mut schema = schema.to_value();
    if !schema.is_object() {
        schema = json!({});
    }
    if !title.is_empty() {
        schema["title"] = title.into();
    }
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema_of(schema)
}

/// Both schemas: the tag of an enum and the content of a variant.
#[must_use]
pub fn both(first: Schema, second: Schema) -> Schema {
    schema_of(json!({ "allOf": [first.to_value(), second.to_value()] }))
}

/// The name of a generic type's schema: `Page_Order`.
#[must_use]
pub fn generic_name(name: &str, arguments: &[Cow<'static, str>]) -> Cow<'static, str> {
    Cow::Owned(arguments.iter().fold(name.to_owned(), |name, argument| {
        format!("{name}_{argument}")
    }))
}

/// The whole schema of a type with its definitions, draft 2020-12.
#[must_use]
pub fn schema_for<T: JsonSchema>() -> Value {
    SchemaGenerator::default()
        .into_root_schema_for::<T>()
        .to_value()
}

fn schema_of(value: Value) -> Schema {
    // Only objects are built here, and an object is a schema.
    value.try_into().unwrap_or_default()
}
