use hybrid::prelude::*;
use std::rc::Rc;

struct Cart(Rc<u32>);

impl FromRequestParts for Cart {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts) -> Result<Self> {
        Ok(Self(Rc::new(1)))
    }
}

#[get("/cart")]
fn cart(cart: Cart) -> String {
    cart.0.to_string()
}

fn main() {
    let _ = App::new().routes(routes![cart]);
}
