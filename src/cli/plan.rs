//! From what was typed to a plan that can be carried out.

use super::args::{Clocks, Color, Input};
use crate::error::{Error, Result};
use crate::ingest::Options;
use crate::ingest::options::GivenZone;
use crate::report::local::Local;
use globset::{Glob, GlobMatcher};
use std::io::IsTerminal;

/// A checked plan.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) paths: Vec<String>,
    pub(super) options: Options,
    pub(super) color: bool,
    pub(super) redact: bool,
    pub(super) redact_key: Option<String>,
    /// The zone given for all files, in which times of day on the command line are meant.
    pub(super) zone: Option<GivenZone>,
    /// What to do about clocks that differ.
    pub(super) clock: Clocks,
}

impl Plan {
    pub(super) fn new(input: &Input) -> Result<Plan> {
        if input.paths.is_empty() {
            return Err(usage("PATH", "name a file, a folder or - for standard input"));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let options = Options {
            threads: input.jobs.unwrap_or(cores).max(1),
            zones: input.tz.iter().map(|text| zone(text)).collect::<Result<_>>()?,
            year: input.year,
            formats: input.format_for.iter().map(|text| layout(text)).collect::<Result<_>>()?,
            log_formats: log_formats(&input.log_format)?,
            in_app: input.in_app.clone(),
            not_in_app: input.not_in_app.clone(),
        };
        let everywhere = input.tz.iter().find(|text| !text.contains('=') || text.starts_with("*="));
        let zone = everywhere.map(|text| zone(text)).transpose()?.map(|(_, zone)| zone);
        Ok(Plan {
            paths: input.paths.clone(),
            options,
            color: color(input.color),
            redact: input.redact,
            redact_key: input.redact_key.clone(),
            zone,
            clock: input.clock,
        })
    }
}

/// An objective in per cent, as a share.
pub(super) fn objective(text: &str) -> std::result::Result<f64, String> {
    let percent = text.trim_end_matches('%').trim().parse::<f64>().ok().filter(|p| *p > 0.0 && *p < 100.0);
    percent.map(|p| p / 100.0).ok_or_else(|| "give a percentage between 0 and 100, such as 99.9".into())
}

fn usage(option: &str, reason: impl Into<String>) -> Error {
    Error::Usage { option: option.into(), reason: reason.into() }
}

fn color(wanted: Color) -> bool {
    match wanted {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    }
}

/// `GLOB=VALUE`, or a value alone for every file.
fn split(option: &str, text: &str) -> Result<(GlobMatcher, String)> {
    let (pattern, value) = text.split_once('=').unwrap_or(("*", text));
    let glob = Glob::new(pattern).map_err(|e| usage(option, e.to_string()))?;
    Ok((glob.compile_matcher(), value.to_owned()))
}

fn zone(text: &str) -> Result<(GlobMatcher, GivenZone)> {
    let (glob, name) = split("--tz", text)?;
    Ok((glob, named(&name)?))
}

fn named(name: &str) -> Result<GivenZone> {
    if let Some(seconds) = fixed(name) {
        return Ok(GivenZone::Fixed(seconds));
    }
    let zone = name.parse::<chrono_tz::Tz>();
    let zone = zone
        .map_err(|_bad| usage("--tz", format!("{name} is no zone; give an IANA name (Europe/Berlin) or an offset (+02:00)")))?;
    Ok(GivenZone::Named(zone))
}

/// For verbs whose output people read in their own zone: a `--tz` without a pattern is that zone, the others stay what
/// they are elsewhere.
pub(super) fn people(input: &Input) -> Result<(Input, Local)> {
    let mut input = input.clone();
    let (files, own): (Vec<String>, Vec<String>) = std::mem::take(&mut input.tz).into_iter().partition(|t| t.contains('='));
    input.tz = files;
    let zone = match own.last() {
        None => Local::Utc,
        Some(name) => local(named(name)?),
    };
    Ok((input, zone))
}

/// A zone to show times in.
pub(super) fn local(zone: GivenZone) -> Local {
    match zone {
        GivenZone::Named(zone) => Local::Named(zone),
        GivenZone::Fixed(seconds) => chrono::FixedOffset::east_opt(seconds).map_or(Local::Utc, Local::Fixed),
    }
}

/// `+02:00`, `-0500`, `+2` in seconds.
fn fixed(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = if digits.len() <= 2 { (digits.as_str(), "0") } else { digits.split_at(digits.len() - 2) };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn layout(text: &str) -> Result<(GlobMatcher, &'static str)> {
    let (glob, name) = split("--format-for", text)?;
    let spec = backtrail_parsers::registry::layout(&name);
    let spec =
        spec.ok_or_else(|| usage("--format-for", format!("no layout is called {name}; `backtrail formats` lists them")))?;
    Ok((glob, spec.name))
}

/// Texts as they are; files by the `log_format` directives in them.
fn log_formats(given: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for text in given {
        if text.contains('$') || text.contains('%') {
            found.push(text.clone());
            continue;
        }
        let conf = std::fs::read(text).map_err(|e| Error::io(std::path::Path::new(text), e))?;
        let named = backtrail_parsers::layouts::formats_in_conf(&String::from_utf8_lossy(&conf));
        if named.is_empty() {
            return Err(usage("--log-format", format!("{text} has no log_format directive; give the format's text itself")));
        }
        found.extend(named.into_iter().map(|(_name, format)| format));
    }
    let unread = found.iter().find(|format| backtrail_parsers::layouts::given(format).is_none());
    match unread.filter(|_| found.len() == 1) {
        Some(format) => Err(usage("--log-format", format!("{format} does not say what a request was ($request, $uri, %r)"))),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::{fixed, objective};

    #[test]
    fn objectives_are_percentages() {
        assert!((objective("99.9").unwrap() - 0.999).abs() < 1e-12);
        assert!((objective("99.5%").unwrap() - 0.995).abs() < 1e-12);
        assert!(objective("100").is_err() && objective("0.999x").is_err() && objective("nan").is_err());
    }

    #[test]
    fn offsets_are_read() {
        assert_eq!(fixed("+02:00"), Some(7200));
        assert_eq!(fixed("-0530"), Some(-19800));
        assert_eq!(fixed("+2"), Some(7200));
        assert_eq!(fixed("UTC"), None);
    }
}
