use hybrid::prelude::*;

#[derive(Problem)]
enum UserError {
    #[problem(status = 404, cod = "no_user")]
    NoSuchUser,
}

fn main() {}
