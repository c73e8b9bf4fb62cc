//! What is said at the start: the routes, and what is odd about the configuration.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    config::{Mode, Warnings},
    context::ServerContext,
    head::Route,
    log,
    spec::BodyCheck,
};

/// The routes, and what is odd about the configuration.
pub(crate) fn say_start(context: &ServerContext, warnings: &Warnings) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let mut by_module = BTreeMap::<_, usize>::new();
    for route in context.routes() {
        *by_module.entry(route.spec.module).or_default() += 1;
    }
    for (module, routes) in by_module {
        tracing::debug!(module, routes, "routes of a module");
    }
    let settings = context.settings();
    if settings.mode != Mode::Hybrid {
        tracing::warn!(
            mode = settings.mode.as_str(),
            "every handler runs one way, for comparison; the balancer moves nothing"
        );
    }
    let rows = context.routes().iter().map(|route| Row::of(route));
    if log::is_text() {
        let rows: Vec<Row> = rows.collect();
        if !rows.is_empty() {
            tracing::info!(target: "hybrid", "{} routes\n{}", rows.len(), table(&rows));
        }
    } else {
        rows.for_each(|row| row.say());
    }
}

/// What is said of a route.
struct Row {
    methods: String,
    path: String,
    lane: &'static str,
    handler: String,
    body: &'static str,
    place: String,
}

impl Row {
    fn of(route: &Route) -> Self {
        let spec = &route.spec;
        Self {
            methods: spec.methods.join(","),
            path: route.path.clone(),
            lane: lane_word(route),
            handler: format!("{}::{}", spec.module, spec.name),
            body: route.body_check.map_or("none", BodyCheck::as_str),
            place: format!("{}:{}", spec.file, spec.line),
        }
    }

    /// As an event, for logs that programs read.
    fn say(&self) {
        let Self {
            methods,
            path,
            lane,
            handler,
            body,
            place,
        } = self;
        tracing::info!(target: "hybrid", methods, path, lane, handler, body, place, "route");
    }

    fn columns(&self) -> [&str; 5] {
        [
            &self.methods,
            &self.path,
            self.lane,
            &self.handler,
            &self.place,
        ]
    }
}

/// A line a route, its columns aligned.
fn table(rows: &[Row]) -> String {
    let mut widths = [0; 5];
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row.columns()) {
            *width = text.chars().count().max(*width);
        }
    }
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, text) in widths.iter().zip(row.columns()) {
            // Writing to a String cannot fail.
            let _ = write!(line, "  {text:width$}");
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table.truncate(table.trim_end().len());
    table
}

/// Where a route begins; `auto` where the balancer may run it inline.
fn lane_word(route: &Route) -> &'static str {
    if route.class.is_auto {
        "auto"
    } else {
        route.class.effective_lane.get().as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |methods: &str, path: &str, lane, handler: &str, line| Row {
            methods: methods.to_owned(),
            path: path.to_owned(),
            lane,
            handler: handler.to_owned(),
            body: "none",
            place: format!("src/main.rs:{line}"),
        };
        let rows = [
            row("GET", "/", "event", "app::index", 7),
            row("POST,PUT", "/users/{id}", "pool", "app::users::save", 12),
        ];
        let expected = "  GET       /            event  app::index        src/main.rs:7\n  \
                        POST,PUT  /users/{id}  pool   app::users::save  src/main.rs:12";
        assert_eq!(table(&rows), expected);
    }
}
