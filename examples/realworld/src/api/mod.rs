//! Handlers, and the models of their bodies.

mod articles;
mod comments;
mod profiles;
mod users;

use hybrid::prelude::*;

pub(crate) fn routes(group: Group) -> Group {
    group
        .group("", users::routes)
        .group("/profiles", profiles::routes)
        .group("/articles", articles::routes)
        .group("/articles/{slug}/comments", comments::routes)
        .routes(routes![articles::tags])
}
