use hybrid::{Routes, prelude::*};

use crate::{Found, Placed, Shared};

pub fn routes() -> Routes {
    routes![LISTED]
}
