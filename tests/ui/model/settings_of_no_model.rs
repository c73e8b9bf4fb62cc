use hybrid::prelude::*;

#[derive(Clone)]
struct Settings {
    page_size: u32,
}

fn app() -> App {
    App::new().settings::<Settings>()
}

fn main() {
    let _ = app;
}
