//! The crate under another name.

mod framework {
    pub mod inner {
        pub use ::hybrid::*;
    }
}

use framework::inner::prelude::*;

#[get("/{id}", crate = framework::inner)]
async fn by_option(id: u64, body: Json<u8>) -> Result<String> {
    Ok(format!("{id}{}", body.0))
}

#[get("/b")]
#[hybrid(crate = framework::inner)]
fn by_attribute(#[query] word: Word) {
    let _ = word;
}

#[derive(FromParam)]
#[hybrid(crate = framework::inner)]
enum Word {
    One,
}

fn main() {
    let _ = App::new().routes(routes![by_option, by_attribute]);
    let _ = Word::One;
}
