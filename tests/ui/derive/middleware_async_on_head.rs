use hybrid::prelude::*;

#[middleware]
async fn auth(head: &Head) -> Result<(), Problem> {
    drop(head);
    Ok(())
}

fn main() {}
