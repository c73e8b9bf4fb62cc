//! The requests to every server, and the responses that every server must send.

use crate::servers::Server;

/// One request, sent repeatedly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// `GET /json`: an object of 27 bytes.
    Json,
    /// `GET /items/42?q=abc&limit=10`: a path, two checked query values, a
    /// header, JSON out.
    Items,
    /// `POST /process`: ten items, checked.
    Process,
}

impl Workload {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Json, Self::Items, Self::Process];

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Items => "items",
            Self::Process => "process",
        }
    }

    /// Its name in the report.
    pub fn title(self) -> &'static str {
        match self {
            Self::Json => "`GET /json`",
            Self::Items => "`GET /items/42?q=abc&limit=10`",
            Self::Process => "`POST /process`",
        }
    }

    /// The servers that have this route.
    pub fn servers(self) -> &'static [Server] {
        match self {
            Self::Json => &[
                Server::MayMinihttp,
                Server::Hyper,
                Server::Axum,
                Server::Poem,
                Server::Ntex,
                Server::Actix,
                Server::Salvo,
                Server::Rocket,
                Server::Hybrid,
            ],
            Self::Items => &[
                Server::Hyper,
                Server::Axum,
                Server::Poem,
                Server::Ntex,
                Server::Actix,
                Server::Salvo,
                Server::Rocket,
                Server::Hybrid,
            ],
            Self::Process => &[
                Server::Axum,
                Server::Poem,
                Server::Ntex,
                Server::Actix,
                Server::Salvo,
                Server::Rocket,
                Server::Hybrid,
            ],
        }
    }

    /// The goals for hybrid: a peer, and the highest ratio of hybrid's cost to the peer's.
    pub fn bars(self) -> &'static [(Server, f64)] {
        match self {
            Self::Json => &[(Server::Hyper, 1.05), (Server::Axum, 0.69)],
            Self::Items => &[(Server::Hyper, 1.10), (Server::Axum, 0.65)],
            Self::Process => &[(Server::Axum, 0.75), (Server::Actix, 0.75)],
        }
    }

    /// The bytes of the request.
    pub fn request(self) -> Vec<u8> {
        let request = match self {
            Self::Json => "GET /json HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\r\n".to_owned(),
            Self::Items => "GET /items/42?q=abc&limit=10 HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\
                x-request-id: 7f3a\r\n\r\n"
                .to_owned(),
            Self::Process => {
                let body = ten_items();
                format!(
                    "POST /process HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\
                    content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        request.into_bytes()
    }

    /// The body of the response.
    pub fn answer(self) -> &'static str {
        match self {
            Self::Json => r#"{"message":"Hello, World!"}"#,
            Self::Items => r#"{"id":42,"q":"abc","limit":10,"request_id":"7f3a"}"#,
            Self::Process => r#"{"count":10,"total":50.0,"processing_type":"advanced"}"#,
        }
    }

    /// The request with a violation; the response must be 422 or 400.
    pub fn bad_request(self) -> Option<Vec<u8>> {
        let good = String::from_utf8(self.request()).ok()?;
        let (of, to) = match self {
            Self::Json => return None,
            Self::Items => ("limit=10", "limit=0"),
            Self::Process => (r#""id":3"#, r#""id":0"#),
        };
        Some(good.replacen(of, to, 1).into_bytes())
    }
}

fn ten_items() -> String {
    let items: Vec<String> = (1..=10)
        .map(|id| {
            format!(
                r#"{{"id":{id},"value":{}.5,"name":"item number {id}"}}"#,
                id - 1
            )
        })
        .collect();
    format!(
        r#"{{"data":[{}],"processing_type":"advanced"}}"#,
        items.join(",")
    )
}
