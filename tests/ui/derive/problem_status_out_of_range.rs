use hybrid::prelude::*;

#[derive(Problem)]
enum UserError {
    #[problem(status = 200)]
    NoSuchUser,
}

fn main() {}
