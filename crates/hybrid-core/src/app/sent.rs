//! The path as the client sees it: mounts take prefixes off, a redirect names them.

use http::Uri;

use crate::Request;

/// The target as the client sent it, in the extensions of a request that was mounted.
#[derive(Clone)]
struct Sent(Uri);

/// Remembers the target, before a mount takes its prefix off. An application inside
/// another server has not seen what the client sent, unless a hybrid around it has.
pub(super) fn note(request: &mut Request, is_outermost: bool) {
    if is_outermost {
        let sent = Sent(request.uri().clone());
        request.extensions_mut().get_or_insert(sent);
    }
}

/// What sends a client from one path of the application to another, `to` with the
/// query: with the prefixes that were taken off, where they are known, and else
/// relative to the path that the client has asked for.
pub(super) fn location(request: &Request, is_outermost: bool, from: &str, to: &str) -> String {
    let prefix = match sent(request) {
        Some(sent) => sent.path().strip_suffix(from),
        None => is_outermost.then_some(""),
    };
    let whole = prefix.map(|prefix| format!("{prefix}{to}"));
    // `//host` and, to browsers, `/\\host` would be another site.
    let is_local = |whole: &String| !whole.starts_with("//") && !whole.starts_with("/\\");
    whole.filter(is_local).unwrap_or_else(|| relative(from, to))
}

fn sent(request: &Request) -> Option<&Uri> {
    let own = request.extensions().get::<Sent>().map(|Sent(uri)| uri);
    #[cfg(feature = "axum")]
    let own = own.or_else(|| {
        let original = request.extensions().get::<axum::extract::OriginalUri>();
        original.map(|axum::extract::OriginalUri(uri)| uri)
    });
    own
}

/// From a path to the same one with a slash at its end, or without: a reference of
/// one segment, with the query of the target.
fn relative(from: &str, to: &str) -> String {
    let (path, query) = to.split_once('?').map_or((to, None), |(p, q)| (p, Some(q)));
    let segment = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let path = if from.ends_with('/') {
        format!("../{segment}")
    } else {
        // With a colon it would be a scheme.
        format!("./{segment}/")
    };
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;

    #[test]
    fn a_location_names_the_path_that_the_client_sees() {
        let check =
            |sent: Option<&str>, is_outermost: bool, from: &str, to: &str, expected: &str| {
                let mut request = Request::new(Body::empty());
                if let Some(sent) = sent {
                    *request.uri_mut() = sent.parse().unwrap();
                    note(&mut request, true);
                }
                assert_eq!(location(&request, is_outermost, from, to), expected);
            };
        check(None, true, "/a/", "/a?x=1", "/a?x=1");
        check(Some("/in/a/?x=1"), false, "/a/", "/a?x=1", "/in/a?x=1");
        // Where it is not known what was taken off.
        check(None, false, "/b/a/", "/b/a?x=1", "../a?x=1");
        check(None, false, "/b/a:c", "/b/a:c/", "./a:c/");
        check(Some("/other"), false, "/a/", "/a", "../a");
        check(Some("//host/a/"), false, "/a/", "/a", "../a");
    }

    #[test]
    fn the_outermost_notes_what_was_sent() {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/out/in/a".parse().unwrap();
        note(&mut request, false);
        assert!(sent(&request).is_none());
        note(&mut request, true);
        *request.uri_mut() = "/in/a".parse().unwrap();
        note(&mut request, true);
        assert_eq!(sent(&request).unwrap().path(), "/out/in/a");
    }
}
