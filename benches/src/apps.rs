//! An app of 100 routes, on hybrid and on axum, as generated packages: the same paths, rules
//! and responses, and a description of all of them.
//!
//! On hybrid the rules stand in the signatures and models. On axum they use what its users
//! use: the validator crate and utoipa's derives. Both apps log and serve, but they get no
//! requests, because only their build time is measured.
//!
//! The texts are in `apps/`. They are Rust, with words in capitals for the parts that differ
//! between routes.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// The number of modules that contain the routes.
const MODULES: usize = 10;

/// The handler whose body is changed.
const CHANGED: (Kind, usize) = (Kind::Get, 3);

/// The framework of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// hybrid.
    Hybrid,
    /// axum, with validator and utoipa.
    Axum,
}

/// The kind of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A path, two checked query values, a header, JSON out.
    Get,
    /// A checked body of five fields.
    Post,
    /// A function that blocks, with a checked query value.
    Plain,
    /// A path and a state.
    State,
}

impl Kind {
    const ALL: [(Self, usize); 4] = [
        (Self::Get, 40),
        (Self::Post, 20),
        (Self::Plain, 20),
        (Self::State, 20),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Plain => "plain",
            Self::State => "state",
        }
    }

    /// The part of its path after the number.
    fn rest(self) -> &'static str {
        match self {
            Self::Get => "/{id}",
            Self::State => "/{key}",
            Self::Post | Self::Plain => "",
        }
    }
}

/// The texts of an app.
struct Texts {
    manifest: &'static str,
    main: &'static str,
    module: &'static str,
    handlers: [&'static str; 4],
}

macro_rules! texts {
    ($folder:literal) => {
        Texts {
            manifest: include_str!(concat!("../apps/", $folder, "/Cargo.toml")),
            main: include_str!(concat!("../apps/", $folder, "/src/main.rs")),
            module: include_str!(concat!("../apps/", $folder, "/src/module.rs")),
            handlers: [
                include_str!(concat!("../apps/", $folder, "/src/get.rs")),
                include_str!(concat!("../apps/", $folder, "/src/post.rs")),
                include_str!(concat!("../apps/", $folder, "/src/plain.rs")),
                include_str!(concat!("../apps/", $folder, "/src/state.rs")),
            ],
        }
    };
}

impl App {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hybrid, Self::Axum];

    /// The package's and the program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "app-hybrid",
            Self::Axum => "app-axum",
        }
    }

    /// Writes the package into a folder of its name in `parent` and returns that folder.
    /// Files with the same content stay untouched.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(self, parent: &Path) -> io::Result<PathBuf> {
        let folder = parent.join(self.name());
        fs::create_dir_all(folder.join("src"))?;
        let texts = self.texts();
        let framework = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let manifest = texts.manifest.replace("FRAMEWORK", framework);
        put(&folder.join("Cargo.toml"), &manifest)?;
        // Shared dependencies then have the same version as in the other measurements.
        if !folder.join("Cargo.lock").exists() {
            put(&folder.join("Cargo.lock"), include_str!("../Cargo.lock"))?;
        }
        put(&folder.join("src/main.rs"), &self.main())?;
        for number in 0..MODULES {
            put(&module_file(&folder, number), &self.module(number, 0))?;
        }
        Ok(folder)
    }

    /// Changes the body of one handler; another number makes another body.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn change(self, folder: &Path, to: u32) -> io::Result<()> {
        let number = CHANGED.1 % MODULES;
        put(&module_file(folder, number), &self.module(number, to))
    }

    /// Lines of Rust that its author writes.
    pub fn lines(self) -> usize {
        let modules = (0..MODULES).map(|number| self.module(number, 0));
        let all = modules.chain([self.main()]);
        all.map(|text| text.lines().filter(|line| !line.is_empty()).count())
            .sum()
    }

    fn texts(self) -> Texts {
        match self {
            Self::Hybrid => texts!("hybrid"),
            Self::Axum => texts!("axum"),
        }
    }

    fn main(self) -> String {
        let (mut modules, mut added) = (String::new(), Vec::new());
        for number in 0..MODULES {
            // Writing to a `String` cannot fail.
            let _ = writeln!(modules, "mod m{number};");
            added.push(match self {
                Self::Hybrid => format!(".routes(m{number}::routes())"),
                Self::Axum => format!(".merge(m{number}::routes())"),
            });
        }
        let paths = (0..MODULES).flat_map(|module| {
            handlers(module)
                .map(move |(kind, number)| format!("    m{module}::{}_{number},\n", kind.name()))
        });
        let paths = format!("\n{}", paths.collect::<String>());
        let main = self.texts().main.replace("MODULES\n", &modules);
        main.replace("ADDED", &added.join("\n        "))
            .replace("PATHS", &paths)
    }

    fn module(self, module: usize, changed: u32) -> String {
        let texts = self.texts();
        let listed = handlers(module).map(|(kind, number)| self.listed(kind, number));
        let separator = match self {
            Self::Hybrid => ", ",
            Self::Axum => "\n        ",
        };
        let listed = listed.collect::<Vec<_>>().join(separator);
        let mut text = texts.module.replace("LISTED", &listed);
        for (kind, number) in handlers(module) {
            let to = if (kind, number) == CHANGED {
                changed
            } else {
                0
            };
            let handler = texts.handlers[kind as usize];
            let handler = handler.replace("NUMBER", &number.to_string());
            text += &handler.replace("CHANGED", &to.to_string());
        }
        text
    }

    /// A handler, as the list of its module has it.
    fn listed(self, kind: Kind, number: usize) -> String {
        let (name, rest) = (kind.name(), kind.rest());
        let method = match kind {
            Kind::Post => "post",
            Kind::Get | Kind::Plain | Kind::State => "get",
        };
        match self {
            Self::Hybrid => format!("{name}_{number}"),
            Self::Axum => {
                format!(".route(\"/{name}/{number}{rest}\", {method}({name}_{number}))")
            }
        }
    }
}

/// The handlers of a module.
fn handlers(module: usize) -> impl Iterator<Item = (Kind, usize)> {
    Kind::ALL.into_iter().flat_map(move |(kind, count)| {
        (module..count)
            .step_by(MODULES)
            .map(move |number| (kind, number))
    })
}

fn module_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("src/m{number}.rs"))
}

/// Writes a file only if its content changes, because cargo rebuilds newer files.
fn put(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_a_hundred_routes() {
        let routes = (0..MODULES).flat_map(handlers).count();
        assert_eq!(routes, 100);
    }

    #[test]
    fn no_word_in_capitals_is_left() {
        for app in App::ALL {
            let modules = (0..MODULES).map(|number| app.module(number, 7));
            for text in modules.chain([app.main()]) {
                for word in ["MODULES", "ADDED", "LISTED", "PATHS", "NUMBER", "CHANGED"] {
                    assert!(!text.contains(word), "{app:?}: {word}");
                }
            }
        }
    }

    #[test]
    fn a_change_is_of_one_line() {
        let module = CHANGED.1 % MODULES;
        for app in App::ALL {
            let (before, after) = (app.module(module, 0), app.module(module, 7));
            let lines = before.lines().zip(after.lines());
            assert_eq!(lines.filter(|(one, other)| one != other).count(), 1);
        }
    }
}
