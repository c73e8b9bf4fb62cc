//! The program's own settings: `[app]` of the file and `HYBRID_APP__KEY`, read as a
//! model, and the states that are made from them.

use std::{fs, path::Path};

use hybrid::prelude::*;

use crate::harness::{Ended, Program, Wire, main_of};

#[model]
#[derive(Clone, Debug)]
struct Settings {
    #[field(default = 20, ge = 1, le = 100)]
    page_size: u32,
    #[field(min_length = 8)]
    secret: String,
    #[field(default = false)]
    open: bool,
    #[field(default = Vec::new())]
    origins: Vec<String>,
    #[serde(rename = "rate-limit")]
    rate: Option<f64>,
    code: Option<String>,
    database: Database,
}

#[model]
#[derive(Clone, Debug)]
struct Database {
    #[field(default = "app.db".to_owned())]
    file: String,
    #[field(default = 4, ge = 1)]
    connections: u8,
}

/// What is made from the settings.
#[derive(Clone)]
struct Opened(String);

#[get("/settings")]
async fn show(State(settings): State<Settings>, State(opened): State<Opened>) -> String {
    format!("{settings:?} {}", opened.0)
}

#[get("/in-a-worker", lane = process)]
fn in_a_worker(State(settings): State<Settings>, State(opened): State<Opened>) -> String {
    format!("{} {}", settings.page_size, opened.0)
}

fn app() -> App {
    App::new()
        .settings::<Settings>()
        .state_from(|settings: Settings| {
            let file = settings.database.file;
            if file.is_empty() {
                return Err("no file is named");
            }
            Ok(Opened(format!("opened {file}")))
        })
        .routes(routes![show, in_a_worker])
}

#[test]
fn configured() {
    main_of(|| app().config(Config::new().addr("127.0.0.1:0")).run());
}

/// The program in a directory with that file.
fn start(file: &str, variables: &[(&str, &str)]) -> (Program, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("hybrid.toml"), file).unwrap();
    let program = Program::start("app::settings::configured", directory.path(), variables);
    (program, directory)
}

fn ended(file: &str, variables: &[(&str, &str)]) -> Ended {
    let (program, _directory) = start(file, variables);
    program.ended()
}

fn ask(program: &Program, path: &str) -> String {
    let mut wire = Wire::to(program.listens());
    wire.ask(path);
    let answer = wire.read();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

const GOOD: &str = r#"
max_threads = 4

[app]
secret = "of the file"
origins = ["a", "b"]

[app.database]
file = "orders.db"
"#;

#[test]
fn the_file_and_the_environment_become_a_state() {
    let variables = [
        ("HYBRID_APP__PAGE_SIZE", "7"),
        ("HYBRID_APP__OPEN", "yes"),
        ("HYBRID_APP__ORIGINS", "x, y"),
        ("HYBRID_APP__RATE_LIMIT", "2.5"),
        // A text, however much it looks like a number.
        ("HYBRID_APP__CODE", "007"),
        ("HYBRID_APP__DATABASE__CONNECTIONS", "2"),
        // An empty variable is none.
        ("HYBRID_APP__SECRET", ""),
        ("HYBRID_APP__SECRTE", "x"),
    ];
    let (program, _directory) = start(GOOD, &variables);
    let warning = program.says("the variable `HYBRID_APP__SECRTE` is ignored: ");
    assert_eq!(
        warning,
        "there is no key `app.secrte`, did you mean `app.secret`?"
    );
    let settings = ask(&program, "/settings");
    let expected = "Settings { page_size: 7, secret: \"of the file\", open: true, \
                    origins: [\"x\", \"y\"], rate: Some(2.5), code: Some(\"007\"), \
                    database: Database { file: \"orders.db\", connections: 2 } } \
                    opened orders.db";
    assert_eq!(settings, expected);
}

#[test]
fn a_worker_process_reads_them_too() {
    let (program, _directory) = start(GOOD, &[("HYBRID_APP__PAGE_SIZE", "9")]);
    assert_eq!(ask(&program, "/in-a-worker"), "9 opened orders.db");
}

#[test]
fn every_fault_is_in_the_report_with_its_line_or_variable() {
    let file = r#"max_thread = 4

[app]
page_size = 1000
secret = "hunter2"
origins = ["a", 5]
page_sizes = 3

[app.database]
fil = "x"
connections = "four-hundred"
"#;
    let variables = [
        ("HYBRID_APP__OPEN", "perhaps"),
        ("HYBRID_APP__RATE_LIMIT", "fast"),
    ];
    let ended = ended(file, &variables);
    let log = &ended.log;
    assert_eq!(ended.status.code(), Some(1), "{log}");
    for expected in [
        "hybrid.toml:1: there is no key `max_thread`",
        "hybrid.toml:4: `app.page_size`: must be at most 100",
        "hybrid.toml:5: `app.secret`: must have at least 8 characters",
        "hybrid.toml:6: `app.origins.1`: expected a string",
        "hybrid.toml:7: there is no key `app.page_sizes`, did you mean `app.page_size`?",
        "hybrid.toml:10: there is no key `app.database.fil`, did you mean `app.database.file`?",
        "hybrid.toml:11: `app.database.connections`: expected ",
        "HYBRID_APP__OPEN: `app.open`: expected a boolean",
        "HYBRID_APP__RATE_LIMIT: `app.rate-limit`: expected a number",
        // The state itself is not blamed as well.
        "could not start, 9 things are wrong",
    ] {
        assert!(log.contains(expected), "`{expected}` is missing in\n{log}");
    }
    // They may be secrets.
    for value in ["hunter2", "four-hundred", "perhaps", "fast"] {
        assert!(!log.contains(value), "`{value}` is in\n{log}");
    }
}

#[test]
fn what_is_missing_says_how_to_give_it() {
    let ended = ended("", &[]);
    let log = &ended.log;
    let here = "tests/it/app/settings.rs";
    for expected in [
        "`app.secret` is missing: give it in `[app]` of the configuration file, or as the \
         variable `HYBRID_APP__SECRET`",
        "`app.database` is missing: ",
        &format!("read at {here}:"),
        // The state that is made from them is not blamed as well.
        "could not start, 2 things are wrong",
    ] {
        assert!(log.contains(expected), "`{expected}` is missing in\n{log}");
    }
}

#[test]
fn what_is_made_from_them_may_fail() {
    let file = "[app]\nsecret = \"long enough\"\ndatabase = { file = \"\" }\n";
    let ended = ended(file, &[]);
    assert!(
        ended
            .log
            .contains("Opened` could not be made: no file is named"),
        "{}",
        ended.log
    );
}

#[test]
fn settings_that_the_program_does_not_read_are_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hybrid.toml");
    let start = |text: &str, variables: &[(&str, &str)]| {
        fs::write(&file, text).unwrap();
        Program::start("app::programs::serving", directory.path(), variables)
    };
    let ended = start("# mine\n[app]\nx = 1\n", &[]).ended();
    let expected = "hybrid.toml:2: `[app]` is there, but the program reads no settings: call \
                    `App::settings::<Settings>()`";
    assert!(ended.log.contains(expected), "{}", ended.log);
    let program = start("", &[("HYBRID_APP__X", "1")]);
    program.says("the variable `HYBRID_APP__X` is ignored: the program reads no settings");
    program.listens();
    drop(program);
    let ended = Program::start(
        "app::programs::serving",
        directory.path(),
        &[("HYBRID_CONFIG", "gone.toml")],
    );
    let ended = ended.ended();
    assert!(
        ended.log.contains("cannot read `gone.toml`"),
        "{}",
        ended.log
    );
}

#[test]
fn a_file_that_is_torn_is_not_judged_twice() {
    let ended = ended("[app]\nsecret = \"of the file\ndatabase = {}\n", &[]);
    assert!(!ended.log.contains("is missing"), "{}", ended.log);
    assert_eq!(ended.status.code(), Some(1));
}

fn report(app: App) -> String {
    format!("{:?}", TestClient::new(app).check().unwrap_err())
}

#[test]
fn a_test_gives_its_own() {
    let report = report(app());
    let expected = "a test reads no file and no environment, but has `TestClient::replace_state`";
    assert_eq!(report.matches(expected).count(), 2, "{report}");

    let settings = Settings {
        page_size: 1,
        secret: String::new(),
        open: false,
        origins: Vec::new(),
        rate: None,
        code: None,
        database: Database {
            file: "test.db".to_owned(),
            connections: 1,
        },
    };
    let client = TestClient::new(app()).replace_state(settings);
    let answer = client.get("/in-a-worker").send();
    assert_eq!(answer.text(), "1 opened test.db");
}

#[test]
fn they_have_one_type() {
    let twice = App::new().settings::<Settings>().settings::<Database>();
    let report = report(twice);
    assert!(report.contains("the settings are read twice"), "{report}");
}

#[test]
fn a_state_is_made_from_one_that_stands_before_it() {
    #[get("/sum")]
    async fn sum(State(sum): State<u64>) -> String {
        sum.to_string()
    }
    let twice = |n: u32| Ok::<_, std::io::Error>(u64::from(n) * 2);
    let early = App::new().state_from(twice).state(4_u32);
    let report = report(early);
    assert!(
        report.contains("made from `State<u32>`, which does not stand before it"),
        "{report}"
    );
    let app = App::new().state(4_u32).group("/inner", |group| {
        group
            .state_from_async(move |n: u32| async move { twice(n) })
            .routes(routes![sum])
    });
    let client = TestClient::new(app);
    assert_eq!(client.get("/inner/sum").send().text(), "8");
}

/// The value is not in a worker process, nor is what is made from it.
#[test]
fn a_process_route_takes_nothing_that_is_made_from_a_given_value() {
    let app = App::new()
        .state("app.db".to_owned())
        .state_from(|file: String| Ok::<_, std::io::Error>(Opened(file)))
        .settings::<Database>()
        .routes(routes![opened]);
    #[get("/opened", lane = process)]
    fn opened(State(opened): State<Opened>, State(_): State<Database>) -> String {
        opened.0
    }
    let report = TestClient::new(app)
        .worker_binary(Path::new("/none"))
        .check();
    let report = format!("{:?}", report.unwrap_err());
    let expected = "cannot have the value of `State<alloc::string::String>`";
    assert!(report.contains(expected), "{report}");
}

/// Names in other spellings, and maps, whose keys are the operator's.
#[model]
#[derive(Clone, Debug)]
#[serde(rename_all = "camelCase")]
struct Spelt {
    #[serde(alias = "size")]
    page_size: u8,
    #[field(default = Default::default())]
    feature_flags: std::collections::BTreeMap<String, bool>,
    #[field(default = Vec::new())]
    servers: Vec<Server>,
    #[serde(flatten)]
    rest: Rest,
}

#[model]
#[derive(Clone, Debug)]
struct Rest {
    mail_from: Option<String>,
}

#[model]
#[derive(Clone, Debug)]
struct Server {
    host: String,
    #[field(ge = 1024)]
    port: u16,
}

#[get("/settings")]
async fn spelt(State(settings): State<Spelt>) -> String {
    format!("{settings:?}")
}

#[test]
fn spelling() {
    main_of(|| {
        let app = App::new().config(Config::new().addr("127.0.0.1:0"));
        app.settings::<Spelt>().routes(routes![spelt]).run()
    });
}

#[test]
fn keys_are_found_in_the_spelling_of_variables() {
    let file = "[app]\nsize = 3\nfeatureFlags = { darkMode = false }\n\
                [[app.servers]]\nhost = \"a\"\nport = 8000\n";
    let directory = tempfile::tempdir().unwrap();
    let start = |file: &str, variables: &[(&str, &str)]| {
        fs::write(directory.path().join("hybrid.toml"), file).unwrap();
        Program::start("app::settings::spelling", directory.path(), variables)
    };
    let variables = [
        ("HYBRID_APP__FEATURE_FLAGS__DARK_MODE", "on"),
        ("HYBRID_APP__FEATURE_FLAGS__BETA", "0"),
        ("HYBRID_APP__MAIL_FROM", "x@example.org"),
    ];
    let expected = "Spelt { page_size: 3, feature_flags: {\"beta\": false, \"darkMode\": true}, \
                    servers: [Server { host: \"a\", port: 8000 }], \
                    rest: Rest { mail_from: Some(\"x@example.org\") } }";
    assert_eq!(ask(&start(file, &variables), "/settings"), expected);

    let variables = [
        ("HYBRID_APP__PAGE_SIZE", "300"),
        (
            "HYBRID_APP__SERVERS",
            r#"[{"host": "b", "port": 80}, {"port": 8000}]"#,
        ),
    ];
    let log = start("", &variables).ended().log;
    for expected in [
        "HYBRID_APP__PAGE_SIZE: `app.pageSize`: ",
        "HYBRID_APP__SERVERS: `app.servers.0.port`: must be at least 1024",
        "HYBRID_APP__SERVERS: `app.servers.1.host` is missing",
    ] {
        assert!(log.contains(expected), "`{expected}` is missing in\n{log}");
    }
}
