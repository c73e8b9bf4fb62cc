//! The program's own settings as a state.

use std::panic::Location;

use hybrid_engine::catch::{Panicked, catch};
use hybrid_validate::inspect::Inspect;
use serde::de::DeserializeOwned;

use super::{App, collect::Builder};
use crate::{
    config::{Misfit, Program},
    error::Fault,
    state::{Make, ReadSettings, Value},
};

impl App {
    /// Reads the program's own settings into a `#[model]`, which handlers take as
    /// `State<T>`: from the table `[app]` of the configuration file, and over it from
    /// the variables `HYBRID_APP__KEY` (`HYBRID_APP__DATABASE__URL` is `url` in the
    /// table `[app.database]`).
    ///
    /// Whatever breaks a rule is in the start-up report, with its line in the file or
    /// its variable, and so are a key that the model does not have and a call for a
    /// second type. A variable that fits no key only warns. The text of a variable is
    /// read as its field wants it: a text, a number, a switch (`yes`, `off`), a list
    /// (`a, b`), or JSON. An empty variable is none. No message repeats a value.
    ///
    /// Tests read neither file nor environment: there the model's defaults hold, and
    /// `TestClient::replace_state` gives what has none. A state that is made from the
    /// settings is given by [`state_from`](Self::state_from).
    ///
    /// In a program, `#[model]` and this are of `hybrid`:
    ///
    /// ```text
    /// #[model]
    /// #[derive(Clone)]
    /// struct Settings {
    ///     #[field(default = 20, ge = 1)]
    ///     page_size: u32,
    ///     #[field(min_length = 32)]
    ///     secret: String,
    /// }
    ///
    /// fn app() -> App {
    ///     App::new().settings::<Settings>().routes(routes![list])
    /// }
    /// ```
    #[track_caller]
    pub fn settings<T>(mut self) -> Self
    where
        T: DeserializeOwned + Inspect + Clone + Send + Sync + 'static,
    {
        let read: ReadSettings =
            |program| program.judge::<T>().map(|value| Box::new(value) as Value);
        self.root = self
            .root
            .add_state::<T>(Make::Settings(read), Location::caller());
        self
    }
}

impl Builder<'_> {
    /// Reads the settings, where the state is that; what is wrong with them is added to
    /// the faults.
    pub(super) fn settled(&mut self, make: Make, at: &'static Location<'static>) -> Make {
        let Make::Settings(read) = make else {
            return make;
        };
        if let Some(first) = self.settings_at.replace(at) {
            let fault = Fault::new("the settings are read twice, which have one type");
            let fault = fault.called_at("first", first);
            self.faults.push(fault.called_at("again", at));
            return Make::Settled(None);
        }
        let program = self.program;
        let judged = match catch(|| read(program)) {
            Ok(judged) => judged,
            Err(Panicked(text)) => {
                let fault = Fault::new(format!("reading the settings panicked: {text}"));
                self.faults.push(fault.called_at("read", at));
                return Make::Settled(None);
            }
        };
        self.warnings.extend(judged.warnings);
        let faults = judged.faults.into_iter();
        self.faults.extend(faults.map(|misfit| fault(misfit, at)));
        Make::Settled(judged.value)
    }

    /// Settings that no call of `settings` reads.
    pub(super) fn check_unread(&mut self, program: &Program) {
        if self.settings_at.is_some() {
            return;
        }
        let (misfit, warnings) = program.is_not_read();
        self.warnings.extend(warnings);
        let misfit = misfit.map(|misfit| fault(misfit, Location::caller()));
        self.faults.extend(misfit);
    }
}

/// A fault with the place of the value; without one, where the settings are read.
fn fault(misfit: Misfit, at: &'static Location<'static>) -> Fault {
    match misfit.place {
        Some(place) => Fault::new(format!("{place}: {}", misfit.message)),
        None => Fault::new(misfit.message).called_at("read", at),
    }
}
