//! Formats against lists of good and bad texts.

use hybrid_validate::Format;

fn check(format: Format, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(format.check(text), "{format} refuses {text:?}");
    }
    for text in bad {
        assert!(!format.check(text), "{format} admits {text:?}");
    }
}

#[test]
fn names() {
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.as_str()), Some(*format));
        assert!(!format.check(""), "{format}");
    }
    assert_eq!(Format::from_name("Email"), None);
    assert_eq!(Format::from_name("hostname"), None);
}

#[test]
fn emails() {
    let long_local = format!("{}@b.example", "a".repeat(65));
    let long_label = format!("a@{}.example", "b".repeat(64));
    let long = format!("a@{}example", "b.".repeat(125));
    check(
        Format::Email,
        &[
            "a@b",
            "ada@example.org",
            "a.b+c@example.co.uk",
            "!#$%&'*+/=?^_`{|}~-@x-y.z9",
            "1@1.2",
            &format!("{}@b.example", "a".repeat(64)),
            &format!("a@{}.example", "b".repeat(63)),
        ],
        &[
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@.b",
            "a@b.",
            "a@b..c",
            "a@-b",
            "a@b-",
            "a@b_c",
            "ä@b",
            "a@ä",
            "a@b\n",
            "\"a b\"@c",
            "a@[127.0.0.1]",
            "a@b c",
            "<a@b>",
            &long_local,
            &long_label,
            &long,
        ],
    );
}

#[test]
fn uris() {
    check(
        Format::Uri,
        &[
            "http://example.org",
            "https://user:pw@example.org:8080/a/b;c?d=e&f#g",
            "HTTP://EXAMPLE.ORG/%7Ea",
            "http://[::1]:80/",
            "http://[v1.x:y]/",
            "http://127.0.0.1/",
            "http://example.org:",
            "ftp://ftp.example.org/x",
            "mailto:ada@example.org",
            "urn:isbn:0451450523",
            "tel:+1-816-555-1212",
            "file:///etc/hosts",
            "x-y+z.1:",
            "data:text/plain,hi",
            "http://example.org?q=a/b?c",
            "news:comp.infosystems",
        ],
        &[
            "example.org",
            "/a/b",
            "//example.org/a",
            "?a",
            "#a",
            ":a",
            "1a:b",
            "ht tp://a",
            "http:",
            "http://",
            "http:///a",
            "https://user@/a",
            "http://a b/",
            "http://a/b c",
            "http://a/%zz",
            "http://a/%4",
            "http://a/%",
            "http://ä.example/",
            "http://a/ä",
            "http://[::1",
            "http://[::g]/",
            "http://[1.2.3.4]/",
            "http://[::1]x/",
            "http://a:8x/",
            "http://a:1:2/",
            "http://a/<b>",
            "http://a/\"",
            "http://a/{b}",
            "http://a\\b",
            "http://a/b|c",
            "http://a/b#c#d",
            "http://a/\n",
            "http://[v.x]/",
            "http://[vg.x]/",
        ],
    );
}

#[test]
fn uuids() {
    check(
        Format::Uuid,
        &[
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67E55044-10B1-426F-9247-BB680E5FE0C8",
            "00000000-0000-0000-0000-000000000000",
        ],
        &[
            "67e5504410b1426f9247bb680e5fe0c8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "67e55044-10b1-426f-9247-bb680e5fe0c",
            "67e55044-10b1-426f-9247-bb680e5fe0c88",
            "67e55044-10b1-426f-9247-bb680e5fe0cg",
            "67e55044110b1-426f-9247-bb680e5fe0c8",
            "67e55044-10b1-426f-9247-bb680e5fe0ä",
        ],
    );
}

#[test]
fn addresses() {
    check(
        Format::Ipv4,
        &["0.0.0.0", "127.0.0.1", "255.255.255.255"],
        &[
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4 ",
            "::1",
            "1.2.3.x",
            "0x7f.0.0.1",
        ],
    );
    check(
        Format::Ipv6,
        &[
            "::",
            "::1",
            "2001:db8::8a2e:370:7334",
            "::ffff:1.2.3.4",
            "1:2:3:4:5:6:7:8",
            "FE80::1",
        ],
        &[
            "1.2.3.4",
            ":::",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "12345::",
            "fe80::1%eth0",
            "[::1]",
            "::1/64",
        ],
    );
}

#[test]
fn dates() {
    check(
        Format::Date,
        &[
            "2024-02-29",
            "2000-02-29",
            "2023-02-28",
            "0000-01-01",
            "9999-12-31",
            "2024-04-30",
        ],
        &[
            "2023-02-29",
            "1900-02-29",
            "2024-00-01",
            "2024-13-01",
            "2024-01-00",
            "2024-01-32",
            "2024-04-31",
            "24-01-01",
            "2024-1-1",
            "2024/01/01",
            "20240101",
            "2024-01-01T00:00:00Z",
            "+2024-01-01",
            "2024-01-0١",
            "2024-01-1 ",
        ],
    );
}

#[test]
fn dates_with_times() {
    check(
        Format::DateTime,
        &[
            "2024-02-29T23:59:59Z",
            "2024-02-29t00:00:00z",
            "2024-02-29T12:00:00.5+01:00",
            "2024-02-29T12:00:00.123456789012-23:59",
            "1990-12-31T23:59:60Z",
            "1990-12-31T15:59:60-08:00",
            "1990-12-31T23:59:60.9Z",
            "1991-01-01T05:29:60+05:30",
        ],
        &[
            "2024-02-30T00:00:00Z",
            "2024-02-29T24:00:00Z",
            "2024-02-29T23:60:00Z",
            "2024-02-29T23:59:61Z",
            "2024-02-29T23:58:60Z",
            "2024-02-29T22:59:60Z",
            "2024-02-29T23:59:60+01:00",
            "2024-02-29 23:59:59Z",
            "2024-02-29T23:59:59",
            "2024-02-29T23:59Z",
            "2024-02-29T23:59:59.Z",
            "2024-02-29T23:59:59+1:00",
            "2024-02-29T23:59:59+0100",
            "2024-02-29T23:59:59+24:00",
            "2024-02-29T23:59:59+00:60",
            "2024-02-29T23:59:59ZZ",
            "2024-02-29",
            "2024-02-29T2:59:59Z",
            "2024-02-29T23:59:59,5Z",
        ],
    );
}
