//! What heads are refused for.

use super::*;

const LIMITS: HeadLimits = HeadLimits {
    headers_max: 4,
    uri_bytes_max: 32,
    method_bytes_max: 8,
};

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The status of a refusal, or 200.
fn judge(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
    match check(
        &parts(method, target, headers),
        &LIMITS,
        &KnownHosts::default(),
    ) {
        Ok(_) => 200,
        Err(problem) => problem.status().as_u16(),
    }
}

const HOST: (&str, &str) = ("host", "a.example");

#[test]
fn a_known_host_lets_no_other_pass() {
    let known = KnownHosts::default();
    let judge = |host: &str| check(&parts("GET", "/", &[("host", host)]), &LIMITS, &known).is_ok();
    assert!(!judge("a,b"), "what is refused is not remembered");
    assert!(judge("a.example") && judge("a.example") && judge("b.example:80"));
    assert!(!judge("a.example/") && !judge("a,b"));
    assert!(
        (0..9).all(|port| judge(&format!("c.example:{port}"))),
        "all places taken"
    );
    assert!(judge("d.example") && !judge("d.example/"));
}

#[test]
fn a_host_is_one_host() {
    assert_eq!(judge("GET", "/", &[HOST]), 200);
    assert_eq!(judge("GET", "/", &[]), 400);
    assert_eq!(judge("GET", "/", &[HOST, HOST]), 400);
    let good = [
        "a.example:80",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "a-b_c",
        "",
        "a:",
        "a:65535",
        "a:000080",
    ];
    for host in good {
        assert_eq!(judge("GET", "/", &[("host", host)]), 200, "{host}");
    }
    let bad = [
        "u@a.example",
        "a.example/x",
        "a.example, b.example",
        "a,b",
        "a:b",
        "a:65536",
        "a:100000",
        "[::1",
        "::1",
        "a b",
        "a\\b",
        "a?b",
        "a#b",
        ":80",
        "[x]",
    ];
    for host in bad {
        assert_eq!(judge("GET", "/", &[("host", host)]), 400, "{host}");
    }
}

#[test]
fn http_1_0_needs_no_host() {
    let mut old = parts("GET", "/", &[]);
    old.version = Version::HTTP_10;
    assert!(check(&old, &LIMITS, &KnownHosts::default()).is_ok());
}

#[test]
fn an_absolute_target_agrees_with_host() {
    let host = |host| [("host", host)];
    assert_eq!(judge("GET", "http://a.example/", &host("a.example")), 200);
    assert_eq!(
        judge("GET", "http://A.example/", &host("a.EXAMPLE:80")),
        200
    );
    assert_eq!(
        judge("GET", "https://a.example:443/", &host("a.example")),
        200
    );
    assert_eq!(judge("GET", "http://a.example/", &host("b.example")), 400);
    assert_eq!(
        judge("GET", "http://a.example:81/", &host("a.example")),
        400
    );
    assert_eq!(judge("GET", "http://u@a.example/", &host("a.example")), 400);
}

#[test]
fn http_2_has_its_authority_in_the_target() {
    let mut second = parts("GET", "http://a.example/", &[]);
    second.version = Version::HTTP_2;
    assert!(check(&second, &LIMITS, &KnownHosts::default()).is_ok());
    let mut second = parts("GET", "/", &[]);
    second.version = Version::HTTP_2;
    assert!(check(&second, &LIMITS, &KnownHosts::default()).is_err());
}

#[test]
fn a_target_begins_with_a_slash() {
    assert_eq!(judge("GET", "*", &[HOST]), 400);
    assert_eq!(judge("GET", "a.example:80", &[HOST]), 400);
    let options = parts("OPTIONS", "*", &[HOST]);
    assert_eq!(
        check(&options, &LIMITS, &KnownHosts::default()).unwrap(),
        Asked::Server
    );
}

#[test]
fn a_path_decodes_and_has_no_nul() {
    assert_eq!(judge("GET", "/%41%2F", &[HOST]), 200);
    for bad in ["/%zz", "/%4", "/%", "/a%00b", "/\u{e9}", "/?\u{e9}"] {
        assert_eq!(judge("GET", bad, &[HOST]), 400, "{bad}");
    }
}

#[test]
fn limits_have_their_own_status() {
    assert_eq!(judge("GET", &format!("/{}", "a".repeat(31)), &[HOST]), 200);
    assert_eq!(judge("GET", &format!("/{}", "a".repeat(32)), &[HOST]), 414);
    assert_eq!(
        judge("GET", "/", &[HOST, ("a", ""), ("b", ""), ("c", "")]),
        200
    );
    assert_eq!(
        judge(
            "GET",
            "/",
            &[HOST, ("a", ""), ("b", ""), ("c", ""), ("d", "")]
        ),
        431
    );
    assert_eq!(judge("ABCDEFGH", "/", &[HOST]), 200);
    assert_eq!(judge("ABCDEFGHI", "/", &[HOST]), 501);
}

#[test]
fn what_is_not_implemented_says_so() {
    assert_eq!(judge("TRACE", "/", &[HOST]), 501);
    assert_eq!(judge("CONNECT", "a.example:80", &[HOST]), 501);
    assert_eq!(judge("POST", "/", &[HOST, ("expect", "100-Continue")]), 200);
    assert_eq!(judge("POST", "/", &[HOST, ("expect", "tea")]), 417);
    assert_eq!(
        judge("POST", "/", &[HOST, ("transfer-encoding", "Chunked")]),
        200
    );
    assert_eq!(
        judge("POST", "/", &[HOST, ("transfer-encoding", "gzip, chunked")]),
        501
    );
}

#[test]
fn a_list_in_several_lines_is_judged_as_one() {
    let judge = |name: &str, lines: &[&str]| {
        let lines = lines.iter().map(|line| (name, *line));
        let headers: Vec<_> = std::iter::once(HOST).chain(lines).collect();
        super::tests::judge("POST", "/", &headers)
    };
    for (lines, status) in [
        (&["chunked", "chunked"][..], 501),
        (&["chunked, chunked"], 501),
        (&["gzip", "chunked"], 501),
        (&["chunked", ""], 200),
        (&[", chunked"], 200),
    ] {
        assert_eq!(judge("transfer-encoding", lines), status, "{lines:?}");
    }
    for (lines, status) in [
        (&["100-continue", "100-continue"][..], 200),
        (&["100-continue, 100-continue"], 200),
        (&["100-continue", "tea"], 417),
        (&["100-continue, tea"], 417),
        (&[""], 200),
    ] {
        assert_eq!(judge("expect", lines), status, "{lines:?}");
    }
}
