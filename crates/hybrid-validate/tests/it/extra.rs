//! Types of other crates, each where its feature is on.

#[cfg(feature = "uuid")]
#[test]
fn uuids() {
    use super::{faults, read};
    use hybrid_validate::{Param, path};
    static ID: Param<uuid::Uuid> = path("id");
    assert!(read(&ID, &["67e55044-10b1-426f-9247-bb680e5fe0c8"]).is_ok());
    assert!(read(&ID, &["67e5504410b1426f9247bb680e5fe0c8"]).is_ok());
    assert_eq!(faults(&ID, &["67e5"]), ["path.id type: expected a UUID"]);
}

#[cfg(feature = "jiff")]
#[test]
fn jiff_times() {
    use super::{faults, read};
    use hybrid_validate::{Param, query};
    static AT: Param<jiff::Timestamp> = query("at");
    assert!(read(&AT, &["2024-02-29T12:00:00Z"]).is_ok());
    assert_eq!(
        faults(&AT, &["yesterday"]),
        ["query.at type: expected a date and time with offset (RFC 3339)"]
    );
    static DAY: Param<Option<jiff::civil::Date>> = query("day");
    assert_eq!(read(&DAY, &[""]), Ok(None));
    assert_eq!(
        read(&DAY, &["2024-02-29"]),
        Ok(Some(jiff::civil::date(2024, 2, 29)))
    );
    assert_eq!(
        faults(&DAY, &["2023-02-29"]),
        ["query.day type: expected a date (YYYY-MM-DD)"]
    );
}

#[cfg(feature = "chrono")]
#[test]
fn chrono_times() {
    use super::{faults, read};
    use hybrid_validate::{Param, query};
    static AT: Param<chrono::DateTime<chrono::Utc>> = query("at");
    assert!(read(&AT, &["2024-02-29T12:00:00+01:00"]).is_ok());
    static DAY: Param<chrono::NaiveDate> = query("day");
    assert!(read(&DAY, &["2024-02-29"]).is_ok());
    assert_eq!(
        faults(&DAY, &["2023-02-29"]),
        ["query.day type: expected a date (YYYY-MM-DD)"]
    );
}

#[cfg(feature = "chrono")]
#[test]
fn chrono_times_have_one_form() {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
    use hybrid_validate::FromParam;

    fn check<T: FromParam>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::from_param(text).is_ok(), "{text}");
        }
        for text in bad {
            assert!(T::from_param(text).is_err(), "{text}");
        }
    }
    check::<NaiveDate>(
        &["2017-05-05", "0001-01-01"],
        &[
            "17-5-5",
            "2017 - 05 - 05",
            " 2017-05-05",
            "+2017-05-05",
            "2017-5-5",
            "20170505",
        ],
    );
    check::<NaiveTime>(
        &["23:59:59", "00:00:00.5"],
        &[
            "23:59",
            "2:3:4",
            "23: 59: 59",
            "23:59:59Z",
            "24:00:00",
            "23:59:59.",
        ],
    );
    check::<NaiveDateTime>(
        &["2017-05-05T23:59:59", "2017-05-05T23:59:59.123"],
        &[
            "2017-05-05 23:59:59",
            "2017-5-5T23:59:59",
            "2017-05-05T23:59:59Z",
            "2017-05-05",
        ],
    );
    check::<DateTime<FixedOffset>>(
        &["2017-05-05T23:59:59Z", "2017-05-05t23:59:59.5+01:00"],
        &[
            "2017-05-05 23:59:59Z",
            "2017-05-05T23:59:59",
            "2017 - 05 - 05T23:59:59Z",
            "2017-05-05T23:59:59 +01:00",
            "2017-05-05T23:59:59+0100",
        ],
    );
}

/// What schemas of models say of them; the same formats as for parameters.
#[cfg(all(feature = "uuid", feature = "jiff", feature = "chrono"))]
#[test]
fn types_of_other_crates_have_schemas() {
    use hybrid_validate::inspect::shape::schema_for;
    use hybrid_validate::{FromParam, FromTexts};
    use schemars::JsonSchema;

    fn check<T: JsonSchema + FromParam + FromTexts>() {
        let schema = schema_for::<T>();
        let text = <T as FromTexts>::schema();
        assert_eq!(schema["format"], text["format"]);
        assert_eq!(schema["type"], "string");
        let list = schema_for::<Vec<Option<T>>>();
        assert_eq!(list["items"]["format"], text["format"]);
    }
    check::<uuid::Uuid>();
    check::<jiff::Timestamp>();
    check::<jiff::Zoned>();
    check::<jiff::civil::Date>();
    check::<jiff::civil::Time>();
    check::<jiff::civil::DateTime>();
    check::<jiff::Span>();
    check::<jiff::SignedDuration>();
    check::<chrono::DateTime<chrono::Utc>>();
    check::<chrono::NaiveDate>();
    check::<chrono::NaiveTime>();
    check::<chrono::NaiveDateTime>();
}

/// Their errors repeat what was sent; what they expect is known all the same.
#[cfg(feature = "uuid")]
#[test]
fn plain_types_that_hold_them_say_what_is_expected() {
    use hybrid_validate::inspect::{read_json_plain, read_pairs_plain};
    use hybrid_validate::{Report, Source};

    type Ids = std::collections::BTreeMap<String, uuid::Uuid>;
    let mut report = Report::new(Source::Body);
    assert_eq!(
        read_json_plain::<Ids>(br#"{"a":"SECRET"}"#, &mut report),
        Ok(None)
    );
    let pairs = [("a".into(), "SECRET".into())];
    assert_eq!(read_pairs_plain::<Ids>(&pairs, &mut report), None);
    assert_eq!(
        super::lines(&report.into_violations()),
        [
            "body.a type: expected a UUID",
            "body.a type: expected a UUID"
        ]
    );
}
