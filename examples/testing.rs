//! Testing: a handler as a function, the whole application without a socket, and a fake in
//! place of a state.
//!
//! Run with: cargo run --example testing
//! Try: curl 'http://127.0.0.1:8000/price?item=tea' 'http://127.0.0.1:8000/price?item=gold'

use std::sync::Arc;

use hybrid::prelude::*;

/// Returns the price of an item, in cents. A trait object would work too.
type Prices = Arc<dyn Fn(&str) -> Option<u64> + Send + Sync>;

#[get("/price")]
fn price(#[query] item: String, State(prices): State<Prices>) -> Option<String> {
    Some(format!("{item}: {} cents", prices(&item)?))
}

/// The application. Tests build the same one.
pub fn app() -> App {
    let prices: Prices = Arc::new(|item| (item == "tea").then_some(250));
    App::new().state(prices).routes(routes![price])
}

fn main() -> hybrid::Result<()> {
    app().run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_a_function() {
        let prices: Prices = Arc::new(|_| None);
        assert_eq!(price("gold".to_owned(), State(prices)), None);
    }

    #[test]
    fn the_application_answers_without_a_socket() {
        let client = TestClient::new(app());
        let tea = client.get("/price").query("item", "tea").send();
        assert_eq!(tea.text(), "tea: 250 cents");
        assert_eq!(tea.lane(), Lane::Pool);
        assert_eq!(client.get("/price?item=gold").send().status(), 404);
    }

    #[tokio::test]
    async fn a_fake_stands_in_for_a_state() {
        let fake: Prices = Arc::new(|_| Some(1));
        let client = TestClient::new(app()).replace_state(fake);
        let gold = client.get("/price?item=gold").send_async().await;
        assert_eq!(gold.text(), "gold: 1 cents");
    }
}
