//! Words, characters and addresses from text.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{FromParam, ParamError};

/// `true false 1 0 yes no on off`, without regard to case.
impl FromParam for bool {
    fn from_param(text: &str) -> Result<Self, ParamError> {
        let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        if is(["true", "1", "yes", "on"]) {
            Ok(true)
        } else if is(["false", "0", "no", "off"]) {
            Ok(false)
        } else {
            Err(ParamError::expected("true or false"))
        }
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// Exactly one character (Unicode scalar value).
impl FromParam for char {
    fn from_param(text: &str) -> Result<Self, ParamError> {
        text.parse()
            .map_err(|_| ParamError::expected("a single character"))
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": 1 })
    }
}

macro_rules! texts {
    ($($text:ty),*) => {$(
        /// The text as it is, empty or not.
        impl FromParam for $text {
            const EMPTY_IS_A_VALUE: bool = true;

            fn from_param(text: &str) -> Result<Self, ParamError> {
                Ok(Self::from(text.to_owned()))
            }
        }
    )*};
}

texts!(String, Box<str>, Arc<str>, Cow<'static, str>);

macro_rules! addresses {
    ($($address:ty, $what:literal, $schema:expr;)*) => {$(
        impl FromParam for $address {
            fn from_param(text: &str) -> Result<Self, ParamError> {
                text.parse().map_err(|_| ParamError::expected($what))
            }

            fn schema() -> Value {
                $schema
            }
        }
    )*};
}

addresses! {
    IpAddr, "an IP address", json!({
        "type": "string",
        "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }],
    });
    Ipv4Addr, "an IPv4 address", json!({ "type": "string", "format": "ipv4" });
    Ipv6Addr, "an IPv6 address", json!({ "type": "string", "format": "ipv6" });
    SocketAddr, "an IP address with a port", json!({ "type": "string" });
    SocketAddrV4, "an IPv4 address with a port", json!({ "type": "string" });
    SocketAddrV6, "an IPv6 address with a port", json!({ "type": "string" });
}
