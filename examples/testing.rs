//! Testing: a handler as a function, the whole application without a socket, and
//! a state replaced by a fake.
//!
//! Run with: cargo run --example testing
//! Try: curl 'http://127.0.0.1:8000/price?item=tea' 'http://127.0.0.1:8000/price?item=gold'

use std::sync::Arc;

use hybrid::prelude::*;

pub trait Prices: Send + Sync {
    fn cents(&self, item: &str) -> Option<u64>;
}

struct Shop;

impl Prices for Shop {
    fn cents(&self, item: &str) -> Option<u64> {
        (item == "tea").then_some(250)
    }
}

#[get("/price")]
fn price(#[query] item: String, State(prices): State<Arc<dyn Prices>>) -> Option<String> {
    prices
        .cents(&item)
        .map(|cents| format!("{item}: {cents} cents"))
}

/// The application; tests build the same one.
pub fn app() -> App {
    App::new()
        .state::<Arc<dyn Prices>>(Arc::new(Shop))
        .routes(routes![price])
}

fn main() -> hybrid::Result<()> {
    app().run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_answers_without_a_socket() {
        assert_eq!(price("gold".to_owned(), State(Arc::new(Shop))), None);
        let client = TestClient::new(app());
        let tea = client.get("/price").query("item", "tea").send();
        assert_eq!(
            (tea.status(), tea.text()),
            (StatusCode::OK, "tea: 250 cents")
        );
        assert_eq!(tea.lane(), Lane::Pool);
        assert_eq!(client.get("/price?item=gold").send().status(), 404);
    }

    #[tokio::test]
    async fn a_fake_stands_in_for_a_state() {
        struct OneCent;
        impl Prices for OneCent {
            fn cents(&self, _: &str) -> Option<u64> {
                Some(1)
            }
        }
        let client = TestClient::new(app()).replace_state::<Arc<dyn Prices>>(Arc::new(OneCent));
        assert_eq!(
            client.get("/price?item=gold").send_async().await.text(),
            "gold: 1 cents"
        );
    }
}
