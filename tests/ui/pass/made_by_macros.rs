//! Handlers that a user's own macro writes, and handlers inside a function.

use hybrid::prelude::*;

macro_rules! resource {
    ($name:ident, $path:literal, $ty:ty) => {
        #[get($path)]
        async fn $name(id: $ty) -> String {
            id.to_string()
        }
    };
}

resource!(user, "/users/{id}", u64);
resource!(post_by_name, "/posts/{id}", String);

fn main() {
    #[get("/inner")]
    fn inner(#[query(ge = 1)] n: u8) -> String {
        n.to_string()
    }

    let _ = App::new().routes(routes![user, post_by_name, inner]);
}
