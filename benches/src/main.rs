//! - `bench` measures everything and writes `REPORT.md`; `bench <section> ..` measures these
//!   sections. With `--against <program>`, the same program built with another version of the
//!   framework, `measuring` compares the two.
//! - `bench budget` only counts instructions and compares them with `budget.toml`. Without the
//!   feature `peers` it is the only command.
//! - `bench apps <folder>` writes the packages that the section `build` builds.
//! - `bench serve <server> <loops>` is a measured server, `bench pipe <what>` a child process of
//!   one, and `bench spin <how>` a program beside it.
//!
//! Run with: cargo run --release --manifest-path benches/Cargo.toml

use std::{env, error::Error, path::Path, process::ExitCode};

#[cfg(feature = "peers")]
use hybrid_benches::full;
use hybrid_benches::{
    apps::App,
    budget, process,
    servers::{self, Server},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["budget", ref options @ ..] => return budget::run(options),
        ["apps", folder] => {
            for app in App::ALL {
                app.write(Path::new(folder))?;
            }
        }
        ["serve", name, loops] => servers::serve(Server::named(name)?, loops.parse()?)?,
        ["spin", how] => process::spin(how == "apart")?,
        #[cfg(feature = "peers")]
        ["pipe", does] => servers::pipe(does)?,
        #[cfg(feature = "peers")]
        ref names => full::measure(names)?,
        #[cfg(not(feature = "peers"))]
        _ => return Err("built without `peers`, there is only `budget`".into()),
    }
    Ok(ExitCode::SUCCESS)
}
