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
    "../../examples/hello.rs" hello
    "../../examples/showcase/main.rs" showcase
}
