//! A draft of a postmortem: only what the logs prove, every sentence with its proof, and `TODO(human)` where only people know.
//!
//! The draft is data; a template arranges it. Templates are written once: they take their headings, lists and tables from a
//! `look` of macros, one for Markdown and one for HTML, and every value is escaped for the format that it lands in.

pub mod draft;
mod facts;
mod resolution;

use super::citations::Citations;
use super::html::{self, Material};
use crate::error::{Error, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context};

/// The form of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Issue Summary, Timeline, Root Cause and Resolution, Corrective and Preventative Measures.
    Own,
    /// As in the book on site reliability engineering.
    GoogleSre,
    /// As in Atlassian's handbook.
    Atlassian,
    /// As in PagerDuty's guide.
    PagerDuty,
    /// The user's own: a name for messages and the template's text.
    Custom(String, String),
}

/// What a draft is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Markdown.
    Markdown,
    /// HTML: a whole page.
    Html,
}

const OWN: &str = include_str!("postmortem/own.j2");
const GOOGLE_SRE: &str = include_str!("postmortem/google_sre.j2");
const ATLASSIAN: &str = include_str!("postmortem/atlassian.j2");
const PAGERDUTY: &str = include_str!("postmortem/pagerduty.j2");
const PARTS: &str = include_str!("postmortem/parts.j2");
const MARKDOWN: &str = include_str!("postmortem/look_markdown.j2");
const HTML: &str = include_str!("postmortem/look_html.j2");

/// Writes the draft. Fails where a user's template does.
pub fn render(material: &Material<'_>, form: &Form, look: Look) -> Result<String> {
    let Material { report, quotes, zone, .. } = *material;
    let (name, text) = match form {
        Form::Own => ("own", OWN),
        Form::GoogleSre => ("google-sre", GOOGLE_SRE),
        Form::Atlassian => ("atlassian", ATLASSIAN),
        Form::PagerDuty => ("pagerduty", PAGERDUTY),
        Form::Custom(name, text) => (name.as_str(), text.as_str()),
    };
    let failed = |e: minijinja::Error| Error::Usage { option: "--template".into(), reason: complaint(name, &e) };
    let mut env = Environment::new();
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(move |_name| match look {
        Look::Markdown => AutoEscape::Custom("markdown".into()),
        Look::Html => AutoEscape::Html,
    });
    env.set_formatter(write_escaped);
    env.add_filter("up", up);
    env.add_template("look", if look == Look::Html { HTML } else { MARKDOWN }).map_err(failed)?;
    env.add_template("parts", PARTS).map_err(failed)?;
    env.add_template("main", text).map_err(failed)?;
    let (draft, quotes) = draft::draft(report, quotes, &zone);
    let title = format!("Postmortem {}", draft.title);
    if look == Look::Html {
        // Only the lines that the draft cites stand in the document.
        let cited = Material { quotes: &quotes, ..*material };
        let figures = html::charts::charts(&cited) + &html::gantt::gantt(&cited);
        env.add_global("charts", Value::from_safe_string(figures));
    }
    let main = env.get_template("main").map_err(failed)?;
    let mut out = main.render(context! { draft => Value::from(Serde(draft)) }).map_err(failed)?;
    let citations = Citations::new(report, &quotes);
    match look {
        Look::Markdown => {
            out = tidy(&out);
            out.push_str(&citations.comment());
        }
        Look::Html => out = html::postmortem(&title, &out, &citations),
    }
    Ok(out)
}

/// The engine's words and the line, without its list of variables.
fn complaint(name: &str, problem: &minijinja::Error) -> String {
    let line = problem.line().map(|l| format!(", line {l}")).unwrap_or_default();
    format!("{name}{line}: {}{}", problem.kind(), problem.detail().map(|d| format!(": {d}")).unwrap_or_default())
}

fn write_escaped(out: &mut Output, state: &mut State, value: &Value) -> std::result::Result<(), minijinja::Error> {
    match state.auto_escape() {
        _ if value.is_none() => Ok(()),
        _ if value.is_undefined() => minijinja::escape_formatter(out, state, value),
        AutoEscape::Custom(_) | AutoEscape::Html if value.is_safe() => Ok(out.write_str(&value.to_string())?),
        AutoEscape::Custom(_) => Ok(out.write_str(&super::markdown::escape(&value.to_string()))?),
        AutoEscape::Html => Ok(out.write_str(&html::escape(&value.to_string()))?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// A sentence begins with a capital letter; a name of code keeps its own.
fn up(text: String) -> String {
    let word = text.split_whitespace().next().unwrap_or("");
    if word.contains(['.', ':', '/', '(', '_', '-', '=']) {
        return text;
    }
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// One empty line between blocks, none at the end.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && empty) {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    out.truncate(out.trim_end().len());
    out.push_str("\n\n");
    out
}
