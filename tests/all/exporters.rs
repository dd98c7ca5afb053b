//! Every exporter at once: on hostile lines, on a report in whose every text a secret is planted, and on a story whose output is
//! kept.

use super::exports::{is_clean, no_formulas, no_markup};
use super::rules;
use super::tools::run;
use backtrail::diagnose;
use backtrail::ingest::Options;
use backtrail::report::html::{self, Material};
use backtrail::report::lanes::{self, Bar};
use backtrail::report::local::Local;
use backtrail::report::postmortem::{self, Form, Look};
use backtrail::report::quotes::Quotes;
use backtrail::report::redact::Redactor;
use backtrail::report::redact::fields::{Hide, Texts};
use backtrail::report::{Report, build, csv, json, junit, markdown, openmetrics, sarif, sessions, text, timeline};
use std::path::Path;

/// What exporters are given.
struct Told {
    report: Report,
    bars: Vec<Bar>,
    lines: Vec<sessions::Line>,
    quotes: Quotes,
}

/// Reads a path below the checkout, in which tests run.
fn tell(path: &Path) -> Told {
    let (table, case) = run(&[path], &Options::default());
    let mut diagnosis = diagnose::diagnose(&table, &case);
    diagnosis.budget = diagnose::budget::spend(&diagnosis.impact, 0.999);
    let rows = table.rows();
    let report = build::build(&table, &case, &diagnosis);
    let quotes = Quotes::read(&report);
    Told { report, bars: lanes::bars(&rows, &case), lines: sessions::lines(&rows, &case, &[]), quotes }
}

fn written<E: std::fmt::Debug>(fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> String {
    let mut out = Vec::new();
    fill(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Everything that can be written of a report: name and text.
fn exports(told: &Told) -> Vec<(&'static str, String)> {
    let Told { report, bars, lines, quotes } = told;
    let zone = Local::Named("America/Bogota".parse().unwrap());
    let material = Material { report, bars, quotes, zone };
    let draft = |form: Form, look| postmortem::render(&material, &form, look).unwrap();
    vec![
        ("report_text", text::render(report, false)),
        ("report_markdown", markdown::render(report) + &markdown::citations(report, quotes)),
        ("report_html", html::report(&material)),
        ("report_json", written(|out| json::write(report, out))),
        ("report_csv", written(|out| csv::write(report, out))),
        ("report_sarif", written(|out| json::pretty(&sarif::sarif(report, None), out))),
        ("report_junit", written(|out| junit::write(report, None, out))),
        ("report_openmetrics", openmetrics::render(report)),
        ("timeline_text", timeline::text::render(report, &zone)),
        ("timeline_markdown", timeline::markdown::render(report, &zone)),
        ("timeline_html", html::timeline(&material)),
        ("timeline_mermaid", timeline::mermaid::gantt(report)),
        ("timeline_mermaid_timeline", timeline::mermaid::timeline(report, &zone)),
        ("timeline_csv", written(|out| timeline::csv::write(report, out))),
        ("timeline_timesketch", written(|out| timeline::timesketch::csv(report, out))),
        ("timeline_timesketch_jsonl", written(|out| timeline::timesketch::jsonl(report, out))),
        ("timeline_perfetto", written(|out| timeline::perfetto::write(report, bars, out))),
        ("postmortem", draft(Form::Own, Look::Markdown)),
        ("postmortem_google_sre", draft(Form::GoogleSre, Look::Markdown)),
        ("postmortem_atlassian", draft(Form::Atlassian, Look::Markdown)),
        ("postmortem_pagerduty", draft(Form::PagerDuty, Look::Markdown)),
        ("postmortem_html", draft(Form::Own, Look::Html)),
        ("sessions_text", written(|out| sessions::text(lines, out))),
        ("sessions_json", written(|out| sessions::json(lines, out))),
        ("sessions_csv", written(|out| sessions::csv(lines, out))),
    ]
}

/// What each format is read by, read it.
fn reads_again(name: &str, text: &str) {
    match name {
        "report_json" | "report_sarif" | "sessions_json" => drop(serde_json::from_str::<serde_json::Value>(text).unwrap()),
        "report_csv" | "timeline_csv" | "sessions_csv" => no_formulas(text),
        "report_junit" => rules::junit(text).unwrap(),
        "report_openmetrics" => rules::openmetrics(text).unwrap(),
        "timeline_timesketch" => rules::timesketch_csv(text).unwrap(),
        "timeline_timesketch_jsonl" => rules::timesketch_jsonl(text).unwrap(),
        "timeline_perfetto" => rules::trace(text).unwrap(),
        name if name.ends_with("html") => {
            // The elements nest: each that is closed was opened last.
            let mut open = Vec::new();
            let visible = text.split("<script").next().unwrap().split("</style>").nth(1).unwrap();
            for (at, _) in visible.match_indices('<') {
                let tag = &visible[at + 1..at + visible[at..].find('>').unwrap()];
                let element = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
                if tag.starts_with('/') {
                    // The style's end took the page's head with it.
                    assert!(open.pop().is_none_or(|last| last == element) || element == "head", "{name}: </{element}>");
                } else if !tag.ends_with('/') {
                    open.push(element);
                }
            }
        }
        name if name.starts_with("postmortem") || name.ends_with("markdown") => no_markup(text),
        _ => assert!(text.lines().count() > 3, "{name}"),
    }
}

#[test]
fn hostile_lines_stay_data_in_every_format() {
    let told = tell(Path::new("sample-logs/hostile"));
    for (name, text) in exports(&told) {
        is_clean(&text);
        reads_again(name, &text);
    }
}

/// A control character, markup, a formula and a sign of every grammar in every text of a report.
#[test]
fn nothing_breaks_out_wherever_it_stands() {
    const NASTY: &str = "=1+1\u{1b}[2J\u{9b}31m\u{202e}</script><img src=x onerror=alert(1)>\"'`|\\,;:#%{{7*7}}${x}-->\r\n]]>&amp;\u{0}\u{feff}";
    let mut told = tell(Path::new("sample-logs/hostile"));
    let mut planted = 0;
    let mut plant = |_: Hide, text: &mut String| {
        // Times and sums are the program's own.
        if chrono::DateTime::parse_from_rfc3339(text).is_err()
            && !(text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            *text = format!("{NASTY}{text}{planted}");
            planted += 1;
        }
    };
    told.report.texts(Hide::All, &mut plant);
    told.bars.texts(Hide::All, &mut plant);
    told.lines.texts(Hide::All, &mut plant);
    assert!(planted > 500, "{planted}");
    for (name, text) in exports(&told) {
        is_clean(&text);
        reads_again(name, &text);
        assert!(!text.contains("<img") || !(name.ends_with("html") || name.ends_with("junit")), "{name}");
    }
}

/// Every text of the report, whatever field holds it, goes through the redactor before anything is written.
#[test]
fn a_secret_in_any_field_is_in_no_output() {
    const SECRETS: [&str; 2] = ["203.0.113.77", "hunter2planted"];
    let mut told = tell(Path::new("sample-logs/outages/2024-03-10-cascade/logs"));
    let mut planted = 0;
    let mut plant = |hide: Hide, text: &mut String| {
        if chrono::DateTime::parse_from_rfc3339(text).is_err() {
            // Of paths and ids only addresses are hidden.
            text.push_str(if hide == Hide::All { " 203.0.113.77 password=hunter2planted" } else { " 203.0.113.77" });
            planted += 1;
        }
    };
    told.report.texts(Hide::All, &mut plant);
    told.bars.texts(Hide::All, &mut plant);
    told.lines.texts(Hide::All, &mut plant);
    for quote in told.quotes.iter_mut() {
        plant(Hide::All, &mut quote.text);
    }
    assert!(planted > 1000, "{planted}");
    // All that would be shown without the redactor.
    for (name, text) in exports(&told) {
        assert!(SECRETS.iter().any(|s| text.contains(s)), "{name} shows no text of a log");
    }
    let redactor = Redactor::new(b"key").unwrap();
    redactor.redact(&mut told.report);
    redactor.redact(&mut told.bars);
    redactor.redact(&mut told.lines);
    redactor.quotes(&mut told.quotes);
    for (name, text) in exports(&told) {
        for secret in SECRETS {
            let at = text.find(secret);
            assert!(at.is_none(), "{name} shows {secret}: {:?}", at.and_then(|at| text.get(at.saturating_sub(80)..at + 20)));
        }
    }
}

/// What changes in an output is seen: each of a story, of long ones the beginning, a middle and the end.
#[test]
fn every_export_of_a_story() {
    const WHOLE: usize = 60;
    let told = tell(Path::new("sample-logs/outages/2024-03-10-cascade/logs"));
    for (name, text) in exports(&told) {
        let lines: Vec<String> = text.lines().map(|line| trimmed(line, 240)).collect();
        let middle = lines.len() / 2;
        let shown = if lines.len() <= 2 * WHOLE {
            lines.join("\n")
        } else {
            let part = |from: usize, to: usize| lines[from..to].join("\n");
            format!(
                "{}\n[… {} lines in all …]\n{}\n[…]\n{}",
                part(0, WHOLE),
                lines.len(),
                part(middle, middle + WHOLE / 3),
                part(lines.len() - WHOLE / 3, lines.len())
            )
        };
        insta::assert_snapshot!(format!("export_{name}"), shown);
    }
}

fn trimmed(line: &str, most: usize) -> String {
    if line.chars().count() <= most { line.to_owned() } else { line.chars().take(most).chain(['…']).collect() }
}
