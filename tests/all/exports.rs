//! Every exporter on the hostile samples: what logs contain is data in every format, and every format keeps its rules.

use super::tools::{backtrail, root};
use std::sync::OnceLock;

/// What a verb prints for the hostile samples.
pub(crate) fn hostile(args: &[&str]) -> String {
    let done = backtrail().args(args).arg(root().join("sample-logs/hostile")).assert().code(0);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// No character that a terminal obeys or that reorders text.
pub(crate) fn is_clean(text: &str) {
    let bad = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if let Some(at) = text.find(bad) {
        let from = text[..at].char_indices().rev().nth(40).map_or(0, |(i, _)| i);
        panic!("{:?} after {:?}", text[at..].chars().next(), &text[from..at]);
    }
}

/// No tag that the document did not write itself, outside of what is escaped.
pub(crate) fn no_markup(markdown: &str) {
    for (at, _) in markdown.match_indices('<') {
        let before = markdown[..at].chars().next_back();
        let comment = markdown[at..].starts_with("<!-- {\"schema\"");
        assert!(before == Some('\\') || comment, "{}", &markdown[at..(at + 60).min(markdown.len())]);
    }
}

fn records(text: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    reader.records().map(|r| r.unwrap()).collect()
}

/// No field that a spreadsheet would take for a formula.
pub(crate) fn no_formulas(text: &str) {
    is_clean(text);
    for field in records(text).iter().flat_map(csv::StringRecord::iter) {
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
        assert!(!formula, "{field}");
    }
}

#[test]
fn the_timeline_in_text_and_markdown() {
    is_clean(&hostile(&["timeline"]));
    let table = hostile(&["timeline", "--format", "markdown"]);
    is_clean(&table);
    no_markup(&table);
    for line in table.lines() {
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{line}");
    }
}

#[test]
fn the_timeline_in_csv() {
    let text = hostile(&["timeline", "--format", "csv"]);
    no_formulas(&text);
    let rows = records(&text);
    assert!(rows.len() > 60);
    assert!(rows.iter().zip(rows.iter().skip(1)).all(|(a, b)| a[0] <= b[0]), "the rows are in the order of time");
    assert!(rows.iter().all(|r| chrono::DateTime::parse_from_rfc3339(&r[0]).is_ok()));
}

#[test]
fn the_timeline_in_mermaid() {
    let chart = hostile(&["timeline", "--format", "mermaid"]);
    is_clean(&chart);
    assert!(chart.starts_with("gantt\n") && chart.len() < 50_000);
    for line in chart.lines().skip(1).filter(|l| !l.starts_with("%%")) {
        let text = line.trim_start();
        let known = ["title ", "dateFormat ", "axisFormat ", "todayMarker ", "section "].iter().any(|w| text.starts_with(w));
        // A task: words, one colon, then tags, an id of our own, a beginning in milliseconds and an end or nothing's length.
        let task = text.split_once(" :").is_some_and(|(words, rest)| {
            let fields: Vec<&str> = rest.split(',').map(str::trim).filter(|f| !["", "crit", "milestone", "active"].contains(f)).collect();
            let number = |f: &str| f.parse::<i64>().is_ok();
            !words.contains([':', ';', '#', '%', ',', '<', '{', '"'])
                && matches!(fields.as_slice(), [id, from, to] if id.starts_with('t') && number(from) && (number(to) || *to == "0d"))
        });
        assert!(known || task, "{line}");
    }
    let periods = hostile(&["timeline", "--format", "mermaid-timeline"]);
    is_clean(&periods);
    for line in periods.lines().skip(2).filter(|l| !l.starts_with("%%")) {
        let colons = line.matches(':').count();
        let section = line.trim_start().starts_with("section 2024-05-01");
        assert_eq!(colons, usize::from(!section), "{line}");
        assert!(!line.contains([';', '#', '%', '<', '{', '"']), "{line}");
    }
}

/// The postmortem of the hostile samples, in Markdown.
pub(crate) fn postmortem() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| hostile(&["postmortem"]))
}

#[test]
fn a_postmortem_is_safe_markdown() {
    is_clean(postmortem());
    no_markup(postmortem());
    let visible = postmortem().split("<!-- ").next().unwrap();
    assert!(!visible.replace("\\](", "").contains("](javascript"), "a link of the log's");
    assert!(visible.contains("{{ 7\\*7 }}"), "a template in a log is not carried out");
    for section in
        ["## Issue Summary", "## Timeline", "## Root Cause and Resolution", "## Corrective and Preventative Measures"]
    {
        assert!(postmortem().contains(&format!("\n{section}\n")), "{section}");
    }
    assert!(postmortem().contains("`TODO(human)`"));
}

#[test]
fn a_postmortem_by_other_templates() {
    for (template, sections) in [
        ("google-sre", ["## Summary", "## Trigger", "## Lessons Learned"]),
        ("atlassian", ["## Leadup", "## Five whys", "## Blameless root cause"]),
        ("pagerduty", ["## Overview", "## Contributing Factors", "## How'd We Do?"]),
    ] {
        let text = hostile(&["postmortem", "--template", template]);
        is_clean(&text);
        no_markup(&text);
        for section in sections {
            assert!(text.contains(&format!("\n{section}\n")), "{template}: {section}");
        }
    }
}

#[test]
fn a_template_of_the_users_own() {
    let dir = tempfile::tempdir().unwrap();
    let own = super::tools::file(
        &dir,
        "own.j2",
        b"{% import \"look\" as l %}Cause: {{ draft.cause }}, {{ draft.sites[0].place }}\n{{ l.bullets(draft.impact) }}",
    );
    let text = hostile(&["postmortem", "--template", own.to_str().unwrap()]);
    assert!(text.starts_with("Cause: connection leak, \\<b\\>\\|=1+1"), "{text}");
    assert!(text.contains("- 90 of 300 requests failed"));
    let broken = super::tools::file(&dir, "broken.j2", b"one\n{{ draft.imagined }}");
    let logs = root().join("sample-logs/hostile");
    let done = backtrail().args(["postmortem", "--template"]).arg(&broken).arg(&logs).assert().code(2);
    let complaint = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(complaint.contains("line 2"), "{complaint}");
    backtrail().args(["postmortem", "--template", "no-such-file"]).arg(&logs).assert().code(2);
}

#[test]
fn times_are_shown_in_the_zone_people_lived_in() {
    let text = hostile(&["timeline", "--tz", "America/Bogota"]);
    assert!(text.starts_with("times in America/Bogota\n\n2024-05-01\n  04:10:00 ◆"), "{}", &text[..120]);
    backtrail().args(["timeline", "--tz", "Nowhere/Town"]).arg(root().join("sample-logs/hostile")).assert().code(2);
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    for args in [["timeline", "--format", "perfetto"], ["postmortem", "--format", "html"]] {
        let one = hostile(&[args.as_slice(), &["-j1"]].concat());
        assert!(one == hostile(&[args.as_slice(), &["-j7"]].concat()), "{args:?}");
    }
}

/// The tags and attributes of a page; `None` for the text between.
fn tags(page: &str) -> Vec<&str> {
    let outside = page.split("<script").next().unwrap_or(page);
    outside.match_indices('<').map(|(at, _)| &outside[at..=at + outside[at..].find('>').unwrap()]).collect()
}

#[test]
fn pages_hold_only_their_own_markup_and_ask_for_nothing() {
    for args in [["report", "--format", "html"], ["timeline", "--format", "html"], ["postmortem", "--format", "html"]] {
        let page = hostile(&args);
        is_clean(&page);
        assert!(page.starts_with("<!doctype html>") && page.contains("default-src 'none'"));
        assert!(!page.contains("http:") || !page.contains("src=\"http"), "{args:?}");
        assert_eq!(page.matches("<script").count(), 2, "{args:?}: the citations and the page's own");
        let mut ids = std::collections::BTreeSet::new();
        let known = [
            "a",
            "article",
            "b",
            "body",
            "button",
            "caption",
            "code",
            "dd",
            "details",
            "div",
            "dl",
            "dt",
            "figcaption",
            "figure",
            "h1",
            "h2",
            "h3",
            "head",
            "header",
            "html",
            "li",
            "line",
            "main",
            "meta",
            "ol",
            "p",
            "path",
            "rect",
            "section",
            "small",
            "span",
            "strong",
            "style",
            "summary",
            "svg",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "title",
            "tr",
            "ul",
            "!doctype",
        ];
        for tag in tags(&page) {
            let name = tag.trim_start_matches(['<', '/']).split([' ', '>']).next().unwrap();
            assert!(known.contains(&name), "{args:?}: {tag}");
            let attributes = tag.split('"').step_by(2).collect::<String>().to_lowercase();
            assert!(!attributes.contains(" on") && !attributes.contains("src="), "{args:?}: {tag}");
            if let Some(id) = tag.split(" id=\"").nth(1).and_then(|rest| rest.split('"').next()) {
                assert!(ids.insert(id.to_owned()), "{args:?}: two elements are called {id}");
            }
        }
        for open in ["section", "table", "svg", "ul", "details", "dl", "div", "li", "tr", "td"] {
            let begins = page.matches(&format!("<{open}>")).count() + page.matches(&format!("<{open} ")).count();
            assert_eq!(begins, page.matches(&format!("</{open}>")).count(), "{args:?}: {open}");
        }
        for link in page.split("href=\"#s").skip(1) {
            let anchor = format!("s{}", link.split('"').next().unwrap());
            assert!(ids.contains(&anchor), "{args:?}: nothing is called {anchor}");
        }
    }
}
