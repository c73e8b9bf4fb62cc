//! Modules use each other in one direction. Counted are the top folders of each crate (a
//! file `src/x.rs` is folder `x`): a folder uses another if an import or a path in its code
//! leads to a definition there, through whatever re-exports. What only tests compile is
//! left out, and so are the re-exports of a crate's root, which are its public face.
//!
//! `HYBRID_ARROWS=hybrid-core cargo test --test it tidy::modules -- --nocapture` lists a
//! crate's arrows with the places that make them. `HYBRID_BLESS=1 cargo test --test it
//! tidy::modules` draws them anew in ARCHITECTURE.md.

use std::fmt::Write as _;

use super::{
    arrows::{Arrow, Arrows},
    files::crates,
    read, root,
};

/// Arrows against the order, each of which closes a circle. This list only gets shorter:
/// an arrow that has gone, or that closes no circle any more, must leave it.
const KNOWN: &[(&str, &str, &str)] = &[];

fn known(of: &str) -> impl Iterator<Item = Arrow> {
    let known = KNOWN.iter().filter(move |(name, ..)| *name == of);
    known.map(|(_, from, to)| ((*from).to_owned(), (*to).to_owned()))
}

#[test]
fn modules_use_each_other_in_one_direction() {
    let mut wrong = String::new();
    for (name, source) in crates() {
        let mut arrows = Arrows::of(&source);
        if std::env::var("HYBRID_ARROWS").is_ok_and(|wanted| wanted == name) {
            println!("{name}\n{}", arrows.all());
        }
        for arrow in known(&name) {
            let what = if !arrows.contains(&arrow) {
                "is gone"
            } else if !arrows.lead(&arrow.1, &arrow.0) {
                "closes no circle"
            } else {
                continue;
            };
            let (from, to) = arrow;
            writeln!(
                wrong,
                "{name}: {from} -> {to} {what}: remove it from `KNOWN`"
            )
            .unwrap();
        }
        known(&name).for_each(|arrow| arrows.remove(&arrow));
        for circle in arrows.circles() {
            let inside = arrows.inside(&circle);
            writeln!(wrong, "{name}: a circle of {circle:?}:\n{inside}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Between these lines ARCHITECTURE.md has the drawing.
const BEGIN: &str =
    "<!-- arrows: written by `HYBRID_BLESS=1 cargo test --test it tidy::modules` -->\n";
const END: &str = "<!-- end of arrows -->\n";

/// A drawing for each crate that has arrows. What a longer way says is left out; dotted
/// is what goes against the order.
fn drawing() -> String {
    let mut text = String::new();
    for (name, source) in crates() {
        let mut arrows = Arrows::of(&source);
        known(&name).for_each(|arrow| arrows.remove(&arrow));
        if !arrows.circles().is_empty() || arrows.essential().len() < 2 {
            continue;
        }
        write!(text, "\n`{name}`:\n\n```mermaid\ngraph TD\n").unwrap();
        for (from, to) in arrows.essential() {
            writeln!(text, "    {from} --> {to}").unwrap();
        }
        for (from, to) in known(&name) {
            writeln!(text, "    {from} -.-> {to}").unwrap();
        }
        text.push_str("```\n");
    }
    text + "\n"
}

#[test]
fn the_arrows_are_drawn_in_the_architecture() {
    let page = read("ARCHITECTURE.md");
    let (before, rest) = page.split_once(BEGIN).expect("the line before the drawing");
    let (drawn, after) = rest.split_once(END).expect("the line after the drawing");
    let expected = drawing();
    if std::env::var_os("HYBRID_BLESS").is_some() {
        let page = [before, BEGIN, &expected, END, after].concat();
        std::fs::write(root().join("ARCHITECTURE.md"), page).unwrap();
    } else {
        assert_eq!(drawn, expected, "HYBRID_BLESS=1 writes it anew");
    }
}
