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
    "../../examples/errors.rs" errors
    "../../examples/groups.rs" groups
    "../../examples/hello.rs" hello
    "../../examples/jwt.rs" jwt
    "../../examples/middleware.rs" middleware
    "../../examples/models.rs" models
    "../../examples/params.rs" params
    "../../examples/showcase/main.rs" showcase
    "../../examples/state.rs" state
    "../../examples/testing.rs" testing
}
