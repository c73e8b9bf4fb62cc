//! Path templates: `/users/{id}/files/{*rest}`. The macros check a handler's own
//! template; prefixes of groups are checked here, at start-up.

use super::path::canonical;

/// A template, split for the matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// The template with its escapes decoded as those of a request's path are, and
    /// its names replaced by positions, so that two routes may call one segment
    /// differently.
    pub(crate) pattern: String,
    pub(crate) names: Vec<Box<str>>,
}

/// A prefix and a path below it; `/` below a prefix is the prefix itself.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    match path {
        "" | "/" if prefix.is_empty() => "/".to_owned(),
        "" | "/" => prefix.to_owned(),
        path => format!("{prefix}{path}"),
    }
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("the path `{text}` must begin with `/`"));
        }
        let mut template = Self {
            pattern: String::with_capacity(text.len()),
            names: Vec::new(),
        };
        for segment in text[1..].split('/') {
            template.pattern.push('/');
            template.push_segment(segment, text)?;
        }
        Ok(template)
    }

    fn push_segment(&mut self, segment: &str, text: &str) -> Result<(), String> {
        let Some(open) = segment.find('{') else {
            if segment.contains('}') {
                return Err(format!("the path `{text}` has a `}}` without a `{{`"));
            }
            let canonical = canonical(segment)
                .map_err(|reason| format!("in the path `{text}`, `{segment}`: {reason}"))?;
            // Braces that were written as escapes are no names.
            self.pattern
                .push_str(&canonical.replace('{', "{{").replace('}', "}}"));
            return Ok(());
        };
        let inner = segment[open + 1..]
            .strip_suffix('}')
            .filter(|inner| !inner.contains(['{', '}']));
        let Some(name) = inner.filter(|_| open == 0) else {
            return Err(format!(
                "in the path `{text}`, `{segment}` must be a whole `{{name}}`"
            ));
        };
        let (star, name) = name
            .strip_prefix('*')
            .map_or(("", name), |name| ("*", name));
        if name.is_empty() {
            return Err(format!("in the path `{text}`, `{segment}` has no name"));
        }
        if self.names.iter().any(|known| **known == *name) {
            return Err(format!("the path `{text}` has the name `{name}` twice"));
        }
        let position = self.names.len();
        self.pattern.push_str(&format!("{{{star}p{position}}}"));
        self.names.push(name.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &[&str]), &str>) {
        let found = Template::parse(text);
        let found = found.as_ref().map(|t| {
            (
                t.pattern.as_str(),
                t.names.iter().map(|name| &**name).collect::<Vec<_>>(),
            )
        });
        let found = found
            .as_ref()
            .map(|(pattern, names)| (*pattern, names.as_slice()));
        assert_eq!(found.map_err(|e| e.as_str()), expected);
    }

    #[test]
    fn templates() {
        check("/", Ok(("/", &[])));
        check("/a%20b/%C3%BC/a%2fb", Ok(("/a b/ü/a%2Fb", &[])));
        check("/%7Ba%7D", Ok(("/{{a}}", &[])));
        check(
            "/%zz",
            Err("in the path `/%zz`, `%zz`: a percent-escape is not two hexadecimal digits"),
        );
        check(
            "/a/{id}/b/{*rest}",
            Ok(("/a/{p0}/b/{*p1}", &["id", "rest"])),
        );
        check("a", Err("the path `a` must begin with `/`"));
        check(
            "/{a}/{a}",
            Err("the path `/{a}/{a}` has the name `a` twice"),
        );
        check("/{}", Err("in the path `/{}`, `{}` has no name"));
        check(
            "/x{a}",
            Err("in the path `/x{a}`, `x{a}` must be a whole `{name}`"),
        );
        check("/a}", Err("the path `/a}` has a `}` without a `{`"));
    }

    #[test]
    fn prefixes() {
        assert_eq!(join("", "/"), "/");
        assert_eq!(join("/users", "/"), "/users");
        assert_eq!(join("/users/", "/{id}"), "/users/{id}");
        assert_eq!(join("/", "/x"), "/x");
    }
}
