//! The report as Markdown, for a ticket or a repository.

use super::citations::Citations;
use super::quotes::Quotes;
use super::{Ref, Report};
use crate::report::text::{clean, place};
use std::fmt::Write as _;

/// Makes text from a log safe inside a Markdown table cell.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn seen(report: &Report, evidence: &[Ref]) -> String {
    evidence.iter().take(3).map(|at| escape(&place(report, at))).collect::<Vec<_>>().join(", ")
}

/// Writes the report as Markdown.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let status = report.verdict.status.replace('_', " ");
    let cause = report.verdict.cause.map(|c| format!(": {}", c.replace('_', " "))).unwrap_or_default();
    let _ = writeln!(out, "# Connection report\n\n**Verdict: {status}{cause}.** {}\n", escape(&report.verdict.summary));
    if let (Some(from), Some(to)) = (&report.window.from, &report.window.to) {
        let _ = writeln!(out, "Logs from {from} to {to}.\n");
    }
    super::ladder::markdown(report, &mut out);
    super::deploys::markdown(report, &mut out);
    super::ladder::impact(report, &mut out);
    leaks(report, &mut out);
    super::pools::markdown(report, &mut out);
    super::baseline::markdown(report, &mut out);
    for (title, lines) in
        [("New messages", super::novel::lines(report)), ("Messages that changed", super::changed::lines(report))]
    {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(out, "## {title}\n");
        for text in lines {
            let _ = writeln!(out, "- {}", escape(&text));
        }
        out.push('\n');
    }
    ledger(report, &mut out);
    if !report.timeline.is_empty() {
        let _ = writeln!(out, "## Events\n\n| time (UTC) | event | evidence |\n| --- | --- | --- |");
        for moment in &report.timeline {
            let _ = writeln!(out, "| {} | {} | {} |", moment.time, escape(&moment.title), seen(report, &moment.evidence));
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "## Sources\n\n| file | format | records | not understood | bytes | SHA-256 |\n| --- | --- | --- | --- | --- | --- |"
    );
    for s in &report.sources {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | `{}` |",
            escape(&s.path),
            escape(&s.format),
            s.records,
            s.rejected,
            s.bytes,
            s.sha256
        );
    }
    if !report.notes.is_empty() {
        let _ = writeln!(out, "\n## Inferred\n");
        for note in &report.notes {
            let _ = writeln!(out, "- {}", escape(note));
        }
    }
    out
}

/// The lines that a Markdown report cites, and what a machine needs to check them.
pub fn citations(report: &Report, quotes: &Quotes) -> String {
    let mut out = String::new();
    if !quotes.is_empty() {
        out.push_str("\n## Lines cited\n\n");
    }
    for quote in quotes.iter() {
        let at = Ref { source: quote.source, line: quote.line, offset: quote.offset, length: quote.length };
        let _ = writeln!(out, "- {} — {}", escape(&place(report, &at)), escape(&quote.text));
    }
    out.push('\n');
    out.push_str(&Citations::new(report, quotes).comment());
    out
}

fn leaks(report: &Report, out: &mut String) {
    if report.leaks.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "## Leaking call sites\n\n| # | call site | endpoint | leaked | rate | first | last | confidence | evidence |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for leak in &report.leaks {
        let site = leak.call_site.as_ref().map(|s| {
            let at = s.line.map(|line| format!("{}:{line}", s.file.clone().unwrap_or_default()));
            format!("{} {}", s.function.clone().unwrap_or_default(), at.or(s.file.clone()).unwrap_or_default())
        });
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            leak.rank,
            escape(site.unwrap_or_default().trim()),
            escape(leak.endpoint.as_deref().unwrap_or("")),
            leak.sessions,
            leak.rate
                .map(|r| format!("{:.1} per 1000 {} ({:.1} to {:.1})", r.per_1000, r.unit, r.low, r.high))
                .unwrap_or_default(),
            leak.first,
            leak.last,
            leak.confidence,
            seen(report, &leak.evidence)
        );
    }
    let _ = writeln!(out);
    for leak in &report.leaks {
        let texts = super::attribution::common(report, leak).into_iter().chain(leak.by_age.as_ref().map(|j| j.text.clone()));
        for text in texts {
            let _ = writeln!(out, "- {}: {}", leak.rank, escape(&text));
        }
    }
    out.push('\n');
}

fn ledger(report: &Report, out: &mut String) {
    let _ = writeln!(
        out,
        "## Ledger\n\n| layer | opens | closes | inferred opens | orphan closes | open at end | peak | classes |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for (layer, l) in &report.ledger {
        if l.opens + l.closes + l.inferred_opens == 0 && l.refused.is_empty() {
            continue;
        }
        let classes: Vec<String> = l.classes.iter().map(|(class, n)| format!("{n} {}", class.replace('_', " "))).collect();
        let _ = writeln!(
            out,
            "| {layer} | {} | {} | {} | {} | {} | {} | {} |",
            l.opens,
            l.closes,
            l.inferred_opens,
            l.orphan_closes,
            l.open_at_end,
            l.peak_open,
            classes.join(", ")
        );
    }
    out.push('\n');
    for text in super::attribution::lines(report) {
        let _ = writeln!(out, "- {}", escape(&text));
    }
    out.push('\n');
}
