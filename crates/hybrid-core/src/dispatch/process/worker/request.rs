//! A call as the request that it was: head and body, as the endpoint wants them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use http_body::{Frame, SizeHint};

use super::{Work, Worker, lock};
use crate::{
    BoxError,
    body::Body,
    context::{Parts, SharedReservation},
    dispatch::{
        Cancel,
        process::{
            frame::{self, Payload},
            segment::Held,
        },
        ticket::Ticket,
    },
    head::{ClientAddr, Head, Matched, Peer, RequestHead, Route},
    spec::Lane,
    telemetry::clock,
};

impl Worker {
    /// A call as the request that it was.
    pub(super) fn work_of(
        &self,
        call: &frame::Call<'_>,
        route: &Arc<Route>,
        ticket: Arc<Ticket>,
    ) -> Result<Work, BoxError> {
        let now = clock::now();
        let deadline = call
            .time_left_us
            .and_then(|left| now.checked_add(Duration::from_micros(left)));
        let mut http = http::Request::new(()).into_parts().0;
        http.method = Method::from_bytes(call.method.as_bytes())?;
        http.uri = call.target.parse::<Uri>()?;
        http.version = version_of(call.version);
        http.headers.reserve(call.headers.len());
        for (name, value) in &call.headers {
            http.headers.append(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_bytes(value)?,
            );
        }
        if let Some(ip) = call.client {
            http.extensions.insert(ClientAddr::of_ip(ip));
        }
        let matched = Matched {
            route: Arc::clone(route),
            values: call.values.iter().map(|value| Box::from(*value)).collect(),
        };
        // When its time began, so that guards have what is left of it.
        let received = match (deadline, route.timeout) {
            (Some(deadline), Some(timeout)) => deadline - timeout,
            _ => now,
        };
        Ok(Work {
            parts: Parts {
                head: Head::new(
                    RequestHead::new(http, Peer { addr: call.peer }),
                    Some(matched),
                ),
                context: self.app.context().clone(),
                lane: Lane::Process,
                received,
                cancel: Cancel::of(ticket),
                reservation: SharedReservation::default(),
            },
            body: self.body_of(&call.body)?,
            deadline,
        })
    }

    fn body_of(&self, payload: &Payload<'_>) -> Result<Body, BoxError> {
        Ok(match payload {
            Payload::Nothing => Body::empty(),
            Payload::Inline(bytes) => Bytes::copy_from_slice(bytes).into(),
            Payload::Segment { id, bytes } => {
                let mapped = lock(&self.maps)
                    .get(id)
                    .cloned()
                    .ok_or("an unknown segment")?;
                let held = Held::new(mapped, usize::try_from(*bytes)?, Arc::clone(&self.returns));
                Bytes::from_owner(held.ok_or("a segment that is too short")?).into()
            }
            Payload::TooLarge => Body::new(Refused { is_declared: true }),
            Payload::Unread => Body::new(Refused { is_declared: false }),
        })
    }
}

fn version_of(number: u8) -> Version {
    match number {
        9 => Version::HTTP_09,
        10 => Version::HTTP_10,
        20 => Version::HTTP_2,
        30 => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// A body that the server did not pass on: too large, or of a type that is refused.
/// The judgement is that of any other body.
struct Refused {
    is_declared: bool,
}

impl http_body::Body for Refused {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Err("the server did not pass the body on".into())))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(if self.is_declared { u64::MAX } else { 1 });
        hint
    }
}
