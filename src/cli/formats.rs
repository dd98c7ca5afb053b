//! `backtrail formats`: the registries, as people read them.

use anyhow::{Result, bail};
use backtrail_parsers::spec::Example;
use backtrail_parsers::{envelopes::ENVELOPES, layouts::LAYOUTS, recognisers::RECOGNISERS, registry};
use std::io::Write;

/// Lists every format, or explains one.
pub(super) fn write(name: Option<&str>, out: &mut dyn Write) -> Result<()> {
    match name {
        Some(name) => explain(name, out),
        None => {
            out.write_all(list().as_bytes())?;
            Ok(())
        }
    }
}

/// The list that `backtrail formats` prints.
pub(super) fn list() -> String {
    let mut text = String::new();
    let mut part = |title: &str, rows: Vec<(&str, &str)>| {
        text.push_str(title);
        text.push('\n');
        for (name, about) in rows {
            text.push_str(&format!("  {name:<20} {about}\n"));
        }
    };
    part("Envelopes (what a transport puts around a line)", ENVELOPES.iter().map(|s| (s.name, s.about)).collect());
    part("Layouts (the line shape of a producer)", LAYOUTS.iter().map(|s| (s.name, s.about)).collect());
    part("Recognisers (what a message means, in any layout)", RECOGNISERS.iter().map(|s| (s.name, s.about)).collect());
    text
}

fn explain(name: &str, out: &mut dyn Write) -> Result<()> {
    let envelope = registry::envelope(name).map(|s| ("envelope", s.about, s.spec, s.examples));
    let layout = registry::layout(name).map(|s| ("layout", s.about, s.spec, s.examples));
    let recogniser = registry::recogniser(name).map(|s| ("recogniser", s.about, s.spec, s.examples));
    let found: Vec<(&str, &str, &str, &[Example])> = [envelope, layout, recogniser].into_iter().flatten().collect();
    if found.is_empty() {
        bail!("no format is called {name}; `backtrail formats` lists them");
    }
    for (what, about, spec, examples) in found {
        writeln!(out, "{name} ({what}): {about}\nsource: {spec}")?;
        for example in examples {
            writeln!(out, "\n  {}", example.line.replace('\n', "\n  "))?;
            for (field, value) in example.shows {
                writeln!(out, "    {field} = {value}")?;
            }
        }
    }
    Ok(())
}
