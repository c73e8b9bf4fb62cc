use hybrid::prelude::*;

#[model]
enum Shape {
    #[field(gt = 0)]
    Circle { radius: f64 },
}

fn main() {}
