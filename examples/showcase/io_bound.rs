//! I/O-Bound Operations: async handlers that wait for several things concurrently.

use std::time::Duration;

use hybrid::{Routes, prelude::*};
use tokio::time::sleep;

use super::measure::{concurrency, saved, seconds, timed};

pub(crate) fn routes() -> Routes {
    routes![fetch_user_data, send_notifications]
}

#[model(output)]
pub(crate) struct User {
    id: i64,
    name: String,
}

#[model(output)]
pub(crate) struct Post {
    id: u32,
    title: String,
}

#[model(output)]
struct External {
    external_score: u32,
    verified: bool,
}

#[model(output)]
struct UserData {
    user: User,
    posts: Vec<Post>,
    external: External,
    total_time: String,
    sequential_would_be: String,
    performance_gain: String,
    handler_type: &'static str,
    execution: &'static str,
}

/// Fetches a user from two databases and an API, concurrently.
#[get("/fetch-user-data")]
async fn fetch_user_data(
    #[query(ge = 1, description = "User ID to fetch data for")] user_id: i64,
) -> Json<UserData> {
    let fetch_user = async {
        sleep(Duration::from_millis(100)).await;
        user(user_id)
    };
    let fetch_posts = async {
        sleep(Duration::from_millis(150)).await;
        posts()
    };
    let fetch_external = async {
        sleep(Duration::from_millis(200)).await;
        External {
            external_score: 95,
            verified: true,
        }
    };
    let together =
        async { tokio::join!(timed(fetch_user), timed(fetch_posts), timed(fetch_external)) };
    let ((user, posts, external), total) = timed(together).await;
    let each = [user.1, posts.1, external.1];
    let sequential: Duration = each.iter().sum();
    Json(UserData {
        user: user.0,
        posts: posts.0,
        external: external.0,
        total_time: seconds(total),
        sequential_would_be: format!("{:.2}s", sequential.as_secs_f64()),
        performance_gain: saved(sequential, total),
        handler_type: "async",
        execution: concurrency(&each, total),
    })
}

pub(crate) fn user(id: i64) -> User {
    User {
        id,
        name: format!("User {id}"),
    }
}

pub(crate) fn posts() -> Vec<Post> {
    (0..3)
        .map(|id| Post {
            id,
            title: format!("Post {id}"),
        })
        .collect()
}

/// Single notification model.
#[model]
struct NotificationItem {
    /// Notification ID.
    #[field(ge = 1)]
    id: i64,
    /// Notification type.
    #[field(regex = r"^(email|sms|push)$")]
    r#type: String,
    /// Recipient address.
    #[field(min_length = 1, max_length = 255)]
    recipient: String,
    /// Notification message.
    #[field(min_length = 1, max_length = 1000)]
    message: String,
}

/// Batch notification request.
#[model]
struct NotificationRequest {
    /// Notifications to send.
    #[field(min_items = 1, max_items = 100)]
    notifications: Vec<NotificationItem>,
}

#[model(output)]
struct Sent {
    id: i64,
    status: &'static str,
    r#type: String,
    recipient: String,
}

#[model(output)]
struct SentAll {
    sent: usize,
    results: Vec<Sent>,
    handler_type: &'static str,
    execution: &'static str,
    validation: &'static str,
}

/// Sends all notifications concurrently.
#[post("/send-notifications")]
async fn send_notifications(Json(request): Json<NotificationRequest>) -> Json<SentAll> {
    let sending = request
        .notifications
        .into_iter()
        .map(|item| timed(send(item)));
    let (sent, total) = timed(futures_util::future::join_all(sending)).await;
    let (results, each): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    Json(SentAll {
        sent: results.len(),
        results,
        handler_type: "async",
        execution: concurrency(&each, total),
        validation: "automatic",
    })
}

/// Stands for an e-mail, an SMS or a push service.
async fn send(item: NotificationItem) -> Sent {
    sleep(Duration::from_millis(100)).await;
    Sent {
        id: item.id,
        status: "sent",
        r#type: item.r#type,
        recipient: item.recipient,
    }
}
