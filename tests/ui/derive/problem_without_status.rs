use hybrid::prelude::*;

#[derive(Problem)]
enum UserError {
    NoSuchUser,
}

fn main() {}
