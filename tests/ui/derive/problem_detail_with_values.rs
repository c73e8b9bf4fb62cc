use hybrid::prelude::*;

#[derive(Problem)]
enum UserError {
    #[problem(status = 404, detail = "no user {id}")]
    NoSuchUser { id: u64 },
}

fn main() {}
