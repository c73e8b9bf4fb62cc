//! Layers to settings: a pure function over what the builder, the file and the
//! environment say.

use toml::de::DeTable;

use super::{
    Warnings,
    fault::{ConfigError, Origin},
    keys::{Config, KEYS, LATER, Layers, Settings, Surroundings, any_interface},
    memory,
    program::{self, Program},
    suggest::nearest,
};

/// The prefix of all variables.
const PREFIX: &str = "HYBRID_";

/// Variables with the prefix that are no keys.
const OTHER_VARIABLES: &[&str] = &["HYBRID_CONFIG", "HYBRID_WORKER_OF"];

/// Makes the settings from all layers, each overriding the one before: the
/// defaults, the builder, the file (its path and its text), the environment.
/// An empty variable counts as not set.
///
/// # Errors
/// Everything that is wrong, in the order of the layers: unknown keys of the
/// file, keys of parts that this version lacks, and every value that is not
/// allowed, also one that a later layer overrides. A variable with an unknown
/// name is only a warning, since platforms set some.
pub fn resolve(
    builder: &Config,
    file: Option<(&str, &str)>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<(Settings, Warnings), Vec<ConfigError>> {
    resolve_whole(builder, file, env).outcome
}

/// What the layers come to.
pub(crate) struct Resolved {
    pub(crate) outcome: Result<(Settings, Warnings), Vec<ConfigError>>,
    /// What is the program's own, also where something else is wrong.
    pub(crate) program: Program,
}

/// As [`resolve`], with the program's own settings.
pub(crate) fn resolve_whole(
    builder: &Config,
    file: Option<(&str, &str)>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Resolved {
    let mut env: Vec<(String, String)> = env
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    env.sort();
    let mut found = Found::default();
    found.read_builder(builder);
    if let Some((path, text)) = file {
        found.read_file(path, text);
    }
    found.read_variables(&env);
    found.read_port(&env);
    found.read_rust_log(&env);
    if !found.errors.is_empty() {
        return Resolved {
            outcome: Err(found.errors),
            program: found.program,
        };
    }
    let around = Surroundings {
        cores: cores(),
        memory: memory::allowed(),
        kubernetes: env
            .iter()
            .any(|(name, _)| name == "KUBERNETES_SERVICE_HOST"),
    };
    Resolved {
        outcome: Ok((found.layers.into_settings(around), found.warnings)),
        program: found.program,
    }
}

/// What the cgroup and the affinity mask allow.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[derive(Default)]
struct Found {
    layers: Layers,
    program: Program,
    errors: Vec<ConfigError>,
    warnings: Warnings,
}

impl Found {
    fn read_builder(&mut self, builder: &Config) {
        for message in self.layers.set_given(builder) {
            self.errors.push(ConfigError::new(Origin::Builder, message));
        }
    }

    fn read_file(&mut self, path: &str, text: &str) {
        let place = |offset: Option<usize>| Origin::File {
            path: path.to_owned(),
            line: offset.map(|offset| line_of(text, offset)),
        };
        let (table, faults) = DeTable::parse_recoverable(text);
        if !faults.is_empty() {
            self.program.is_torn();
        }
        for fault in faults {
            let origin = place(fault.span().map(|span| span.start));
            self.errors.push(ConfigError::new(origin, fault.message()));
        }
        // The table is not in the order of the file.
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let written = text.get(value.span()).unwrap_or_default();
            let name = key.get_ref().as_ref();
            if name == "app" && value.get_ref().is_table() {
                self.program.set_table(value, &|offset| place(Some(offset)));
                continue;
            }
            let outcome = self.layers.set_toml(name, value.get_ref(), written);
            let message = match outcome {
                Some(Ok(())) => continue,
                Some(Err(message)) => message,
                None => unknown(name),
            };
            self.errors
                .push(ConfigError::new(place(Some(key.span().start)), message));
        }
    }

    fn read_variables(&mut self, env: &[(String, String)]) {
        for (variable, value) in env {
            let Some(name) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            if OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            if variable.len() > program::PREFIX.len() && variable.starts_with(program::PREFIX) {
                self.program.add_variable(variable, value);
                continue;
            }
            let name = name.to_ascii_lowercase();
            let origin = || Origin::Variable(variable.clone());
            match self.layers.set_text(&name, value) {
                Some(Ok(())) => {}
                Some(Err(message)) => self.errors.push(ConfigError::new(origin(), message)),
                None if LATER.contains(&name.as_str()) => {
                    self.errors.push(ConfigError::new(origin(), unknown(&name)));
                }
                None => self.warnings.push(format!(
                    "the variable `{}` is ignored: {}",
                    variable.escape_debug(),
                    unknown(&name)
                )),
            }
        }
    }

    /// Platforms say by `PORT` where they expect a server.
    fn read_port(&mut self, env: &[(String, String)]) {
        if self.layers.has("addr") || self.errors.iter().any(is_about_addr) {
            return;
        }
        let Some((_, port)) = env.iter().find(|(name, _)| name == "PORT") else {
            return;
        };
        match port.trim().parse() {
            Ok(port) => {
                let addr = any_interface(port).to_string();
                let set = self.layers.set_text("addr", &addr);
                debug_assert_eq!(set, Some(Ok(())), "an address always reads");
            }
            Err(_) => self.errors.push(ConfigError::new(
                Origin::Variable("PORT".to_owned()),
                format!(
                    "`PORT` must be a number up to 65535, not `{}`",
                    port.escape_debug()
                ),
            )),
        }
    }
}

impl Found {
    /// What other programs are told by `RUST_LOG`, this one is too.
    #[cfg(feature = "logging")]
    fn read_rust_log(&mut self, env: &[(String, String)]) {
        if self.layers.has("log") {
            return;
        }
        let set = env.iter().find(|(name, _)| name == "RUST_LOG");
        if let Some((_, text)) = set
            && !self.layers.set_rust_log(text)
        {
            self.warnings.push(format!(
                "the variable `RUST_LOG` is ignored: `{}` is neither a level nor directives",
                text.escape_debug()
            ));
        }
    }

    #[cfg(not(feature = "logging"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn read_rust_log(&mut self, _: &[(String, String)]) {}
}

/// An address that was refused must not be replaced by `PORT` silently.
fn is_about_addr(error: &ConfigError) -> bool {
    error.message.starts_with("`addr`")
}

fn unknown(name: &str) -> String {
    let shown = name.escape_debug();
    if LATER.contains(&name) {
        return format!("`{shown}` is not available in this version");
    }
    if name == "app" {
        return "`app` is a table: write `[app]` in the file, and `HYBRID_APP__KEY` in the \
                environment"
            .to_owned();
    }
    match nearest(name, KEYS.iter().map(|key| key.name)) {
        Some(meant) => format!("there is no key `{shown}`, did you mean `{meant}`?"),
        None => format!("there is no key `{shown}`"),
    }
}

/// The line that holds a byte, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}
