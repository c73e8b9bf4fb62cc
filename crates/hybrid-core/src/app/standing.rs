//! Where the endpoints of our own stand: admin and health, among the application's
//! paths, and on a listener of their own.

use std::{net::TcpListener, panic::Location};

use super::{build::Purpose, collect::Builder};
use crate::{
    error::Fault,
    router::{Ours, Template},
};

impl Builder<'_> {
    /// The admin endpoints among the application's own paths.
    pub(super) fn add_admin(&mut self, path: &str, at: &'static Location<'static>) {
        self.add_ours(path, Ours::Admin(at));
    }

    /// Health alone.
    pub(super) fn add_health(&mut self, path: &str, at: &'static Location<'static>) {
        self.add_ours(path, Ours::Health(at));
    }

    fn add_ours(&mut self, path: &str, ours: Ours) {
        match pattern(path, ours) {
            Ok(pattern) => self.router.add_ours(&pattern, ours),
            Err(message) => self.faults.push(ours.say_where(Fault::new(message))),
        }
    }

    /// The admin endpoints' own listener, bound already now, so that what is wrong with
    /// its address is reported with the rest.
    pub(super) fn listen_for_admin(&mut self, purpose: Purpose) -> Option<TcpListener> {
        let addr = self.settings.admin?;
        if purpose != Purpose::Serving {
            return None;
        }
        let listener = TcpListener::bind(addr);
        let listener = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listener
            .map_err(|error| {
                let message = format!("`admin`: {addr} cannot be listened on: {error}");
                self.faults.push(Fault::new(message));
            })
            .ok()
    }
}

fn pattern(path: &str, ours: Ours) -> Result<String, String> {
    let (what, example) = (ours.what(), ours.example());
    if !path.starts_with('/') {
        return Err(format!(
            "the path `{path}` of the {what} must begin with `/`: write \"/{path}\""
        ));
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(format!(
            "the {what} cannot stand at `/`, which is the app's: write \"{example}\""
        ));
    }
    let template = Template::parse(path)?;
    if !template.names.is_empty() {
        return Err(format!(
            "the path `{path}` of the {what} must hold no names"
        ));
    }
    Ok(template.pattern)
}
