//! The examples as modules.

macro_rules! programs {
    ($($path:literal $name:ident)*) => {
        $(
            #[path = $path]
            #[allow(dead_code, unreachable_pub, missing_debug_implementations)]
            pub(crate) mod $name;
        )*
    };
}

programs! {
    "../../examples/axum_side_by_side.rs" axum_side_by_side
    "../../examples/crud.rs" crud
    "../../examples/crud_async.rs" crud_async
    "../../examples/dangerous.rs" dangerous
    "../../examples/errors.rs" errors
    "../../examples/groups.rs" groups
    "../../examples/hello.rs" hello
    "../../examples/jwt.rs" jwt
    "../../examples/middleware.rs" middleware
    "../../examples/models.rs" models
    "../../examples/own_main.rs" own_main
    "../../examples/params.rs" params
    "../../examples/showcase/main.rs" showcase
    "../../examples/state.rs" state
    "../../examples/testing.rs" testing
    "../../examples/thumbnail.rs" thumbnail
}

#[test]
fn every_example_is_run_here_and_says_how_to_try_it() {
    let here = include_str!("programs.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.join("Cargo.toml").exists() {
            // A package of its own, with tests of its own.
            continue;
        }
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name");
        let main = if path.is_dir() {
            path.join("main.rs")
        } else {
            path.clone()
        };
        assert!(
            here.contains(&format!("\" {name}\n")),
            "{name} is run by no test"
        );
        let text = std::fs::read_to_string(main).expect("an example");
        let header = text.split("\nuse ").next().unwrap_or_default();
        assert!(
            header.starts_with("//! "),
            "{name} does not say what it shows"
        );
        let run = header
            .lines()
            .find(|line| line.starts_with("//! Run with: "));
        assert!(
            run.is_some_and(|line| line.ends_with(&format!("--example {name}"))),
            "{name}: {run:?}"
        );
        assert!(
            header.contains("//! Try: curl "),
            "{name} has nothing to try"
        );
    }
}
