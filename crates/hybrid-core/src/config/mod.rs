//! Configuration: what the builder, `hybrid.toml` and the environment say becomes
//! one [`Settings`], checked and with its units fixed, before anything starts.
//!
//! ```text
//! defaults < Config (builder) < hybrid.toml < HYBRID_* ─resolve→ Settings | every fault at once
//! ```
//!
//! [`keys`] holds the one table from which parsing, the documentation and the
//! tests come. [`resolve`] is a pure function; only [`load`] touches the file
//! system and the environment. Nothing downstream reads a [`Config`].

mod fault;
mod keys;
mod memory;
mod network;
mod program;
mod resolve;
mod suggest;
mod value;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use fault::{ConfigError, Origin};
pub use keys::{Config, KEYS, Key, LATER, Settings};
pub use network::Network;
pub(crate) use program::{Judged, Misfit, Program};
pub use resolve::resolve;
pub(crate) use resolve::{Resolved, resolve_whole};
pub use value::{Balancing, LogFormat, LogRequests, Mode, Secret, Variables};

/// What is odd in a configuration without being wrong, one sentence each.
pub type Warnings = Vec<String>;

/// The file that is read when `HYBRID_CONFIG` names none.
const DEFAULT_FILE: &str = "hybrid.toml";

/// Resolves the configuration of this process: the builder's values, the file
/// in the working directory (or the one that `HYBRID_CONFIG` names) and the
/// environment.
///
/// # Errors
/// Everything that is wrong in any of the layers, all of it at once.
pub fn load(builder: &Config) -> Result<(Settings, Warnings), Vec<ConfigError>> {
    load_whole(builder).outcome
}

/// As [`load`], with the program's own settings.
pub(crate) fn load_whole(builder: &Config) -> Resolved {
    let env: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect();
    let file = match read_file(&env) {
        Ok(file) => file,
        Err(error) => {
            let mut program = Program::default();
            program.is_torn();
            return Resolved {
                outcome: Err(vec![error]),
                program,
            };
        }
    };
    let file = file
        .as_ref()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    resolve_whole(builder, file, env)
}

/// What holds in a test: the builder's values alone.
pub(crate) fn for_test(builder: &Config) -> Resolved {
    Resolved {
        outcome: resolve(builder, None, Vec::new()),
        program: Program::in_a_test(),
    }
}

impl Default for Settings {
    /// What holds where nothing is configured; reads no file and no environment.
    fn default() -> Self {
        match resolve(&Config::new(), None, Vec::new()) {
            Ok((settings, _)) => settings,
            Err(faults) => unreachable!("a test resolves the defaults: {faults:?}"),
        }
    }
}

fn read_file(env: &[(String, String)]) -> Result<Option<(String, String)>, ConfigError> {
    let named = env
        .iter()
        .find(|(name, value)| name == "HYBRID_CONFIG" && !value.is_empty());
    let path = named.map_or_else(|| PathBuf::from(DEFAULT_FILE), |(_, path)| path.into());
    let shown = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((shown, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(error) => {
            let origin = named.map_or(
                Origin::File {
                    path: shown.clone(),
                    line: None,
                },
                |(name, _)| Origin::Variable(name.clone()),
            );
            Err(ConfigError::new(
                origin,
                format!("cannot read `{shown}`: {error}"),
            ))
        }
    }
}
