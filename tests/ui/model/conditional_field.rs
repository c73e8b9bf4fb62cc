use hybrid::prelude::*;

#[model]
struct Order {
    id: u64,
    #[cfg(unix)]
    inode: u64,
}

fn main() {}
