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
