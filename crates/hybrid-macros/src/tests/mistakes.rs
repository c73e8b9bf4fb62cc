//! Mistakes in handlers and the messages that they get, all of a handler's at once.

use proc_macro2::TokenStream;
use quote::quote;

use crate::route::route;

fn check(attr: TokenStream, item: TokenStream, expected: &[&str]) {
    let method = Some("GET");
    check_route(method, attr, item, expected);
}

fn check_route(
    method: Option<&'static str>,
    attr: TokenStream,
    item: TokenStream,
    expected: &[&str],
) {
    let shown = item.to_string();
    let (tokens, diag) = route(method, attr, item);
    let got: Vec<String> = diag
        .messages()
        .iter()
        .map(|text| text.replace("handler `x`: ", ""))
        .collect();
    assert_eq!(got, expected, "{shown}");
    syn::parse2::<syn::File>(tokens).expect("what stays is a list of items");
}

#[test]
fn sound_handlers_say_nothing() {
    check(
        quote!("/"),
        quote!(
            fn x() {}
        ),
        &[],
    );
    check(
        quote!("/{id}"),
        quote!(
            async fn x(_id: u64) {}
        ),
        &[],
    );
    check(
        quote!("/{_id}/{id}"),
        quote!(
            async fn x(mut id: u64) {}
        ),
        &[],
    );
    check(
        quote!("/{a}/{b}"),
        quote!(
            fn x(Path((a, b)): Path<(u64, u64)>) {}
        ),
        &[],
    );
    check(
        quote!("/"),
        quote!(
            fn x(#[path] tenant: String, State(db): State<Db>) {}
        ),
        &[],
    );
    check(
        quote!("/"),
        quote!(
            fn x(#[form] a: u8, #[form] b: Option<u8>) {}
        ),
        &[],
    );
    check(
        quote!("/{x}"),
        quote!(
            fn x(x: u8) {}
        ),
        &[],
    );
    check(
        quote!("/", timeout = none, lane = inline, status = 204, hidden),
        quote!(
            fn x() {}
        ),
        &[],
    );
}

#[test]
fn all_mistakes_come_at_once() {
    check(
        quote!("users/{id}", lane = event, timout = "1s", status = 99),
        quote! {
            fn x(#[query(ge = 2, le = 1)] n: u32, #[query] s: &str) {}
        },
        &[
            "a path starts with a slash, write \"/users/{id}\"",
            "`status` stands for 200, so it is a number from 200 to 299: `status = 201`; for other answers return them, \
             `(StatusCode::FOUND, ..)` or a `Problem`",
            "unknown option `timout`, did you mean `timeout`?",
            "`ge` (2) must not exceed `le` (1)",
            "`lane = event` needs an `async fn`: write `async fn`, or remove the lane",
            "`&str` borrows, and a handler owns its arguments: write `String`",
        ],
    );
}

#[test]
fn names_and_arguments_meet() {
    check(
        quote!("/{id}"),
        quote!(
            fn x() {}
        ),
        &[
            "the path has `id` and no argument takes it: add `id: u64`, or write `_id` in the path to pass over it",
        ],
    );
    check(
        quote!("/{user_id}"),
        quote!(
            fn x(userid: u64) {}
        ),
        &["the path has `user_id` and the argument is `userid`: write `user_id: u64`"],
    );
    check(
        quote!("/"),
        quote!(
            fn x(name: String) {}
        ),
        &[
            "`name` has no source: write `#[query] name: String`, `#[body] name: String`, or `{name}` in the path",
        ],
    );
    check(
        quote!("/"),
        quote!(
            fn x(n: Option<u8>) {}
        ),
        &["`n` has no source: write `#[query] n: Option<u8>`, or `{n}` in the path"],
    );
}

#[test]
fn functions_that_are_no_handlers() {
    check(
        quote!("/"),
        quote!(
            fn x(&self) {}
        ),
        &[
            "a handler is a free function, it has no `self`: move it out of the `impl` and take `State<T>`",
        ],
    );
    check(
        quote!("/"),
        quote!(
            fn x() -> impl Future<Output = String> {}
        ),
        &[
            "a future is returned by a plain `fn`: write `async fn` and the type that it resolves to",
        ],
    );
    check(
        quote!("/"),
        quote!(
            const unsafe extern "C" fn x<T>() {}
        ),
        &[
            "a handler is no `const fn`, remove `const`",
            "a handler is called with what clients send, so it is safe: remove `unsafe`",
            "a handler is a Rust function, remove `extern`",
            "a handler has no generics: write the type in place of `T`",
        ],
    );
}

#[test]
fn bodies_and_values_that_cannot_be() {
    check(
        quote!("/"),
        quote!(
            fn x(a: Json<A>, #[body] b: String) {}
        ),
        &["a request has one body, and `a` reads it already: keep one of them"],
    );
    check(
        quote!("/"),
        quote!(
            fn x(#[query] all: HashMap<String, String>) {}
        ),
        &[
            "`#[query]` reads one value, `HashMap<String, String>` has many: write `Query<HashMap<String, String>>` without the attribute",
        ],
    );
    check(
        quote!("/{id}"),
        quote!(
            fn x(#[path(default = 1)] id: u64) {}
        ),
        &["a name of the path is always there, its default would never be used: remove it"],
    );
}

#[test]
fn methods_are_checked() {
    check_route(
        None,
        quote!("/", methods = [GET, POST]),
        quote!(
            fn x() {}
        ),
        &[],
    );
    check_route(
        None,
        quote!("/", methods = [GET, get, "POST", BREW, GET]),
        quote!(
            fn x() {}
        ),
        &[
            "unknown method `get`, write `GET`",
            "unknown method `POST`, write `POST`",
            "unknown method `BREW`, it is one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD` and `OPTIONS`",
            "`GET` is listed twice, keep one",
        ],
    );
}

#[test]
fn worker_processes_and_their_limits() {
    let plain = || {
        quote!(
            fn x() {}
        )
    };
    check(
        quote!(
            "/",
            lane = process,
            worker_memory = 16777216,
            worker_cpu = "1m"
        ),
        plain(),
        &[],
    );
    check(
        quote!("/", lane = process, worker_cpu = "1s"),
        quote!(
            async fn x() {}
        ),
        &["`lane = process` needs a plain `fn`: remove `async`, or remove the lane"],
    );
    check(
        quote!("/", lane = pool, worker_memory = "1GiB", worker_cpu = "1s"),
        plain(),
        &[
            "`worker_memory` needs `lane = process`",
            "`worker_cpu` needs `lane = process`",
        ],
    );
    check(
        quote!("/", lane = proces, worker_cpu = "1s"),
        plain(),
        &["unknown lane `proces`, did you mean `process`?"],
    );
    check(
        quote!(
            "/",
            lane = process,
            worker_memory = "15MiB",
            worker_cpu = "1.5s"
        ),
        plain(),
        &[
            "`worker_memory` must be at least 16 MiB: write \"16MiB\" or more",
            "`worker_cpu` takes whole seconds, the system counts no parts of them: write \"2s\"",
        ],
    );
    check(
        quote!("/", lane = process, worker_memory = lots, worker_cpu = 10),
        plain(),
        &[
            "`worker_memory` takes a size in quotes: `worker_memory = \"2GiB\"`",
            "`worker_cpu` takes a duration in quotes: `worker_cpu = \"10s\"`",
        ],
    );
    check(
        quote!(
            "/",
            lane = process,
            worker_memory = "2 parsecs",
            worker_cpu = "25h"
        ),
        plain(),
        &[
            "`worker_memory`: \"2 parsecs\" is no size, write \"64KiB\", \"2MB\" (2 000 000 bytes) or \"2MiB\" (2 097 152)",
            "`worker_cpu` must be at most 24 hours: write \"24h\"",
        ],
    );
}
