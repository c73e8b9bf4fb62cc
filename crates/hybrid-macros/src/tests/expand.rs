//! Snapshots of whole expansions: what a reviewer sees when the generated code changes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;
use crate::extractor::extractor;
use crate::route::route;
use crate::{from_param, problem, routes};

/// The expansion, printed as a file.
fn shown((tokens, diag): (TokenStream, Diagnostics)) -> String {
    assert!(diag.is_empty(), "{:?}", diag.messages());
    let file = syn::parse2(tokens).expect("an expansion is a list of items");
    prettyplease::unparse(&file)
}

/// The expansion of something with mistakes: what keeps an editor alive.
fn shown_with_mistakes((mut tokens, diag): (TokenStream, Diagnostics)) -> String {
    assert!(!diag.is_empty(), "there is a mistake");
    tokens.extend(diag.into_tokens());
    let file = syn::parse2(tokens).expect("an expansion is a list of items");
    prettyplease::unparse(&file)
}

/// What `#[get]` adds to the function itself.
fn added(text: &str) -> usize {
    let block = text.find("#[doc(hidden)]").expect("the struct");
    text[block..].lines().count()
}

#[test]
fn three_parameters() {
    let attr = quote!("/orders/{id}");
    let item = quote! {
        /// Lists orders.
        ///
        /// Newest first.
        async fn orders(
            id: u64,
            #[query(ge = 1, le = 100, default = 20)] limit: u32,
            body: Json<Order>,
        ) -> Result<Json<Vec<Order>>, OrderError> {
            find(id, limit, body).await
        }
    };
    let text = shown(route(Some("GET"), attr, item));
    assert!(added(&text) <= 30, "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn smallest_async() {
    let item = quote!(
        async fn hello(name: String) -> String {
            format!("Hello, {name}!")
        }
    );
    insta::assert_snapshot!(shown(route(Some("GET"), quote!("/hello/{name}"), item)));
}

#[test]
fn smallest_plain() {
    let item = quote! {
        /// Lists the primes below a bound.
        fn primes(
            #[query(ge = 2, le = 10_000, default = 100, description = "Upper bound")] n: u32,
        ) -> Json<Vec<u32>> {
            Json((2..n).filter(|c| (2..*c).all(|d| c % d != 0)).collect())
        }
    };
    insta::assert_snapshot!(shown(route(Some("GET"), quote!("/primes"), item)));
}

#[test]
fn no_parameters() {
    insta::assert_snapshot!(shown(route(
        Some("POST"),
        quote!("/ping"),
        quote!(
            pub(crate) fn ping() {}
        )
    )));
}

#[test]
fn every_option() {
    let attr = quote! {
        "/reports", lane = inline, timeout = "1.5s", max_concurrency = 64, body_limit = "2MB",
        on_disconnect = detach, status = 201, tags = ["reports", "admin"], summary = "Makes a report",
        operation_id = "makeReport", deprecated, hidden
    };
    insta::assert_snapshot!(shown(route(
        Some("PUT"),
        attr,
        quote!(
            fn report() -> String {
                make()
            }
        )
    )));
}

#[test]
fn a_lane_that_the_balancer_chooses() {
    insta::assert_snapshot!(shown(route(
        Some("GET"),
        quote!("/version", lane = auto),
        quote!(
            fn version() -> &'static str {
                "1.0"
            }
        )
    )));
}

#[test]
fn a_worker_process() {
    let attr = quote!(
        "/thumbnails",
        lane = process,
        worker_memory = "2GiB",
        worker_cpu = "10s"
    );
    insta::assert_snapshot!(shown(route(
        Some("POST"),
        attr,
        quote!(
            fn thumbnail(image: Bytes) -> Result<Vec<u8>, ImageError> {
                resize(&image)
            }
        )
    )));
}

#[test]
fn several_methods() {
    let attr = quote!("/x", methods = [GET, POST], timeout = none);
    insta::assert_snapshot!(shown(route(
        None,
        attr,
        quote!(
            async fn both(request: Request) -> Response {
                go(request).await
            }
        )
    )));
}

#[test]
fn every_source() {
    let item = quote! {
        async fn sources(
            #[path(ge = 1)] id: u64,
            #[query("page-size", le = 100)] size: Option<u8>,
            #[header] user_agent: String,
            #[header("X-Request-ID", default = "unknown")] request: String,
            #[cookie("sid")] sid: Option<String>,
            #[form(max_length = 80)] title: String,
        ) {}
    };
    insta::assert_snapshot!(shown(route(Some("POST"), quote!("/s/{id}"), item)));
}

#[test]
fn every_rule_on_numbers() {
    let item = quote! {
        fn numbers(
            #[query(ge = -5, lt = 10)] a: i32,
            #[query(gt = 0, le = 1.5, multiple_of = 0.5)] b: f64,
            #[query(ge = 340282366920938463463374607431768211455)] c: u128,
            #[query(one_of = [1, 2, -3])] d: i8,
            #[query(custom = checks::even, default_with = first)] e: u64,
        ) {}
    };
    insta::assert_snapshot!(shown(route(Some("GET"), quote!("/"), item)));
}

#[test]
fn every_rule_on_text_and_lists() {
    let item = quote! {
        fn texts(
            #[query(min_length = 1, max_length = LIMIT, regex = r"^\w+$")] a: String,
            #[query(format = "date-time", example = "2026-01-01T00:00:00Z", deprecated)] b: Option<String>,
            #[query(one_of = ["asc", "desc"], default = "asc", alias = "sort-order")] c: String,
            #[query(min_items = 1, max_items = 9, unique_items, style = csv)] d: Vec<u32>,
            /// What to look for.
            #[query(default = "x")] e: Option<String>,
        ) {}
    };
    insta::assert_snapshot!(shown(route(Some("GET"), quote!("/"), item)));
}

#[test]
fn names_that_could_collide() {
    let item = quote!(
        fn orders(orders: u64, r#type: String, _unused: u8, Json(body): Json<A>, (a, b): Pair) {}
    );
    let attr = quote!("/{orders}/{type}/{unused}");
    insta::assert_snapshot!(shown(route(Some("POST"), attr, item)));
}

#[test]
fn raw_bodies_and_guards() {
    let item = quote!(
        fn raw(
            user: User,
            admin: Option<Admin>,
            State(db): State<Db>,
            #[body] text: String,
        ) -> io::Result<()> {
            go()
        }
    );
    insta::assert_snapshot!(shown(route(Some("POST"), quote!("/raw"), item)));
}

#[test]
fn attributes_stay_on_the_function() {
    let item = quote! {
        #[cfg(unix)]
        #[tracing::instrument]
        #[deprecated]
        pub async fn kept(#[allow(unused_mut)] mut n: Path<u8>) -> Result<()> { go().await }
    };
    insta::assert_snapshot!(shown(route(Some("GET"), quote!("/{n}"), item)));
}

#[test]
fn another_root() {
    let item = quote!(
        fn rooted(#[query(regex = "x")] a: String, b: Json<B>) -> Result<(), E> {}
    );
    let text = shown(route(Some("GET"), quote!("/", crate = other::path), item));
    insta::assert_snapshot!(text);
}

#[test]
fn a_handler_with_mistakes() {
    let item = quote!(
        async fn wrong(#[query(ge = 2, le = 1)] n: u32, name: String) {
            n.to_string()
        }
    );
    insta::assert_snapshot!(shown_with_mistakes(route(
        Some("GET"),
        quote!("wrong"),
        item
    )));
}

#[test]
fn list_of_routes() {
    let (tokens, _) = routes::routes(quote!([::hybrid] list, admin::remove));
    let (none, _) = routes::routes(TokenStream::new());
    insta::assert_snapshot!(shown((
        quote!(const ALL: () = #tokens; const NONE: () = #none;),
        Diagnostics::nameless("x")
    )));
}

#[test]
fn extractor_async() {
    let item = quote! {
        /// Who asks.
        async fn user(#[header] authorization: Option<String>, State(db): State<Db>) -> Result<User, Problem> {
            db.find(authorization).await
        }
    };
    insta::assert_snapshot!(shown(extractor(TokenStream::new(), item)));
}

#[test]
fn extractor_plain_that_cannot_fail() {
    let item = quote!(
        fn page(#[query(ge = 1, default = 1)] page: u32) -> Page {
            Page(page)
        }
    );
    insta::assert_snapshot!(shown(extractor(TokenStream::new(), item)));
}

#[test]
fn words_of_an_enum() {
    let item = quote! {
        #[param(rename_all = "kebab-case")]
        enum Sort { NewestFirst, #[param(rename = "old", alias = "oldest")] OldestFirst, #[serde(skip)] Secret }
    };
    insta::assert_snapshot!(shown(from_param::derive(item)));
}

#[test]
fn typed_errors() {
    let item = quote! {
        #[problem(status = 404)]
        enum UserError {
            NoSuchUser(u64),
            #[problem(status = 409, code = "taken", title = "Name taken", detail = "choose another name")]
            Taken { name: String },
            Gone,
        }
    };
    insta::assert_snapshot!(shown(problem::derive(item)));
}

#[test]
fn with_another_root_no_path_leads_to_hybrid() {
    let roots = [
        shown(route(
            Some("GET"),
            quote!("/{id}", crate = other::path),
            quote!(
                fn a(
                    id: u8,
                    #[query(regex = "x", one_of = ["x"], custom = c, default = "x")] b: String,
                    c: Json<C>,
                ) -> Result<(), E> {
                }
            ),
        )),
        shown(route(
            Some("GET"),
            quote!("/"),
            quote!(
                #[hybrid(crate = other::path)]
                async fn a() {}
            ),
        )),
        shown(extractor(
            quote!(crate = other::path),
            quote!(
                fn a() -> A {
                    A
                }
            ),
        )),
        shown(from_param::derive(quote!(
            #[hybrid(crate = other::path)]
            enum A {
                B,
            }
        ))),
        shown(problem::derive(quote!(
            #[hybrid(crate = other::path)]
            #[problem(status = 404)]
            struct A;
        ))),
        shown_with_mistakes(route(
            Some("GET"),
            quote!("a", crate = other::path),
            quote!(
                fn a() {}
            ),
        )),
    ];
    for text in roots {
        assert!(
            text.contains("use other::path::__private as __h;"),
            "{text}"
        );
        let code: String = text
            .lines()
            .filter(|line| !line.contains("compile_error"))
            .collect();
        assert!(!code.contains("hybrid"), "{text}");
    }
}

#[test]
fn generated_code_says_nothing_that_users_forbid() {
    let item = quote! {
        async fn all(id: u64, #[query(ge = 1, regex = "x")] n: String, #[form] f: u8, g: Guard, #[body] b: Bytes) -> Result<(), E> {}
    };
    let (tokens, _) = route(Some("GET"), quote!("/{id}"), item);
    let text = tokens.to_string();
    for banned in [
        "unsafe", "unwrap", "expect", "panic", "loop", "while", "match", "println", "std ::",
    ] {
        assert!(!text.contains(banned), "{banned}: {text}");
    }
}

#[test]
fn a_body_that_does_not_parse_stays() {
    let item = quote!(async fn half(#[query] n: u32) { let half = ; });
    let (tokens, diag) = route(Some("GET"), quote!("/"), item);
    assert!(diag.is_empty(), "{:?}", diag.messages());
    assert!(tokens.to_string().contains("let half = ;"), "{tokens}");
}
