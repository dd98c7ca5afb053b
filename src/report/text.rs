//! The report for a terminal: 80 columns, the answer first, colour only where it is wanted.

use super::spark::{draw, fold};
use super::{Leak, Ref, Report};
use unicode_width::UnicodeWidthStr;

/// Columns that the report fits into.
pub const WIDTH: usize = 80;
/// Columns of a curve.
const CURVE: usize = 56;
/// Lines of the timeline at the most.
const MOMENTS: usize = 24;
/// Sites shown in full.
const SITES: usize = 8;

/// True for characters that a terminal obeys or that reorder or hide text.
pub fn hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Makes text from a log safe for a terminal: control characters, including those that escape sequences begin with and
/// those that reorder text, become visible.
pub fn clean(text: &str) -> String {
    if !text.chars().any(hidden) {
        return text.to_owned();
    }
    text.chars().map(|c| if hidden(c) { c.escape_unicode().collect::<String>() } else { c.to_string() }).collect()
}

/// Escape codes, or nothing.
struct Style {
    color: bool,
}

impl Style {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }
}

/// Writes the report as text.
pub fn render(report: &Report, color: bool) -> String {
    let style = Style { color };
    let mut out = String::new();
    head(report, &style, &mut out);
    super::answer::render(report, &mut out, &|text| style.bold(text), &|text| style.dim(text));
    leaks(report, &style, &mut out);
    new_messages(report, &style, &mut out);
    super::pools::text(report, &mut out, &|text| style.bold(text));
    super::baseline::text(report, &mut out, &|text| style.bold(text));
    curves(report, &style, &mut out);
    ledger(report, &style, &mut out);
    timeline(report, &style, &mut out);
    sources(report, &style, &mut out);
    notes(report, &style, &mut out);
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Text broken at spaces to fit, continuation lines indented.
pub(super) fn wrapped(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut current = first.to_owned();
    for word in clean(text).split(' ') {
        if current.width() + 1 + word.width() > WIDTH && current.trim() != rest.trim() {
            line(out, &current);
            rest.clone_into(&mut current);
        }
        if !current.ends_with(' ') && !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(out, &current);
}

fn section(out: &mut String, style: &Style, name: &str) {
    out.push('\n');
    line(out, &style.bold(name));
}

fn head(report: &Report, style: &Style, out: &mut String) {
    let status = report.verdict.status.replace('_', " ");
    let cause = report.verdict.cause.map(|c| format!(": {}", c.replace('_', " "))).unwrap_or_default();
    line(out, &style.bold(&format!("VERDICT  {status}{cause}")));
    wrapped(out, "", "", &report.verdict.summary);
    if let (Some(from), Some(to)) = (&report.window.from, &report.window.to) {
        line(out, &style.dim(&format!("{from} to {to}")));
    }
}

/// `file:line` of a reference.
pub fn place(report: &Report, at: &Ref) -> String {
    let path = report.sources.get(at.source as usize).map_or("?", |s| s.path.as_str());
    format!("{}:{}", clean(path.rsplit('/').next().unwrap_or(path)), at.line)
}

fn leaks(report: &Report, style: &Style, out: &mut String) {
    if report.leaks.is_empty() {
        return;
    }
    section(out, style, "LEAKING CALL SITES");
    let all: u64 = report.leaks.iter().map(|l| l.sessions).sum();
    for leak in report.leaks.iter().take(SITES) {
        site(report, leak, all, style, out);
    }
    if report.leaks.len() > SITES {
        line(out, &format!("  and {} more: --format json lists all", report.leaks.len() - SITES));
    }
}

fn site(report: &Report, leak: &Leak, all: u64, style: &Style, out: &mut String) {
    let name = match &leak.call_site {
        Some(site) => {
            let at = match (&site.file, site.line) {
                (Some(file), Some(line)) => format!("{file}:{line}"),
                (Some(file), None) => file.clone(),
                _ => String::new(),
            };
            [at, site.function.clone().unwrap_or_default()].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("  ")
        }
        None => leak.endpoint.clone().unwrap_or_else(|| "not attributed".into()),
    };
    let name = clean(&name);
    out.push('\n');
    line(out, &format!("  {}. {}", leak.rank, style.red(&name)));
    let share = leak.sessions * 100 / all.max(1);
    let rate = leak
        .rate
        .map(|r| format!(", {:.1} per 1000 {} ({:.1} to {:.1})", r.per_1000, r.unit, r.low, r.high))
        .unwrap_or_default();
    wrapped(out, "     ", "     ", &format!("{} of {all} leaked ({share} %){rate}", leak.sessions));
    wrapped(
        out,
        "     ",
        "     ",
        &format!("from {} to {}, held {} in all", leak.first, leak.last, span(leak.connection_seconds)),
    );
    if let (Some(endpoint), Some(_)) = (&leak.endpoint, &leak.call_site) {
        wrapped(out, "     ", "     ", &format!("serving {endpoint}"));
    }
    for caller in leak.callers.iter().take(2) {
        let (file, number) = (caller.file.clone().unwrap_or_default(), caller.line.unwrap_or(0));
        wrapped(
            out,
            "     called by ",
            "       ",
            &format!("{} ({file}:{number})", caller.function.clone().unwrap_or_default()),
        );
    }
    for text in super::attribution::common(report, leak) {
        wrapped(out, "     ", "       ", &text);
    }
    if let Some(judged) = &leak.by_age {
        wrapped(out, "     ", "     ", &judged.text);
    }
    let seen: Vec<String> = leak.evidence.iter().take(3).map(|at| place(report, at)).collect();
    line(
        out,
        &style.dim(&format!("     {}, {} · see {}", leak.attribution.replace('_', " "), leak.confidence, seen.join(", "))),
    );
}

/// Seconds as people say them.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

fn new_messages(report: &Report, style: &Style, out: &mut String) {
    for (title, lines) in
        [("NEW MESSAGES", super::novel::lines(report)), ("MESSAGES THAT CHANGED", super::changed::lines(report))]
    {
        if !lines.is_empty() {
            section(out, style, title);
        }
        for text in lines {
            wrapped(out, "  ", "    ", &text);
        }
    }
}

fn curves(report: &Report, style: &Style, out: &mut String) {
    let series = &report.series;
    let mut rows: Vec<(String, &[u32], bool)> = Vec::new();
    for layer in ["pool", "proxy", "db"] {
        if let Some(curve) = series.open.get(layer) {
            rows.push((format!("open {layer}"), curve, false));
        }
    }
    rows.push(("leaked so far".into(), &series.leaked, false));
    rows.push(("waiting".into(), &series.waiting, false));
    rows.push(("turned away".into(), &series.timeouts, true));
    rows.push(("requests".into(), &series.requests, true));
    rows.push(("5xx".into(), &series.errors, true));
    rows.retain(|(_, curve, _)| !curve.is_empty());
    if rows.is_empty() {
        return;
    }
    section(out, style, "TIMELINE");
    for (name, curve, sum) in rows {
        let folded = fold(curve, CURVE, sum);
        let top = folded.iter().copied().max().unwrap_or(0);
        let unit = if sum { "sum" } else { "max" };
        line(out, &format!("{name:>14} {} {top} {unit}", draw(&folded, top)));
    }
    let mut marks = vec![' '; CURVE];
    for (at, mark) in [(&series.restarts, '↻'), (&series.alerts, '▲'), (&series.deploys, '◆')] {
        for bucket in at {
            if let Some(slot) = marks.get_mut(bucket * CURVE / crate::correlate::series::BUCKETS) {
                *slot = mark;
            }
        }
    }
    line(out, &format!("{:>14} {}", "", marks.iter().collect::<String>()));
    let clock = |text: &Option<String>| text.as_deref().and_then(|t| t.get(11..16)).unwrap_or("").to_owned();
    let (from, to) = (clock(&report.window.from), clock(&report.window.to));
    line(out, &style.dim(&format!("{:>14} {from:<width$}{to}", "", width = CURVE - to.len())));
    line(out, &style.dim(&format!("{:>14} ◆ deploy  ▲ alert  ↻ start, stop or crash", "")));
}

fn ledger(report: &Report, style: &Style, out: &mut String) {
    section(out, style, "LEDGER");
    line(out, &style.dim("            opens   closes  inferred  orphan  open at end  peak  balance"));
    for layer in ["lb", "request", "pool", "proxy", "db"] {
        let Some(l) = report.ledger.get(layer).filter(|l| l.opens + l.closes + l.inferred_opens > 0 || !l.refused.is_empty())
        else {
            continue;
        };
        let balance = if l.balanced { "holds" } else { "BROKEN" };
        line(
            out,
            &format!(
                "  {layer:<8} {:>7}  {:>7}  {:>8}  {:>6}  {:>11}  {:>4}  {balance}",
                l.opens, l.closes, l.inferred_opens, l.orphan_closes, l.open_at_end, l.peak_open
            ),
        );
        let sum: u64 = l.classes.iter().filter(|(class, _)| **class != "orphan_close").map(|(_, n)| n).sum();
        let classes: Vec<String> = l
            .classes
            .iter()
            .filter(|(class, _)| **class != "orphan_close")
            .map(|(class, n)| format!("{n} {}", class.replace('_', " ")))
            .collect();
        wrapped(
            out,
            "           ",
            "           ",
            &format!("{} + {} = {sum}: {}", l.opens, l.inferred_opens, classes.join(", ")),
        );
        wrapped(
            out,
            "           ",
            "           ",
            &format!("{} closes = {} of sessions + {} orphans", l.closes, l.ended_by_close, l.orphan_closes),
        );
        if !l.refused.is_empty() {
            let refused: Vec<String> =
                l.refused.iter().map(|(reason, n)| format!("{n} {}", reason.replace('_', " "))).collect();
            wrapped(out, "           turned away: ", "             ", &refused.join(", "));
        }
    }
    for text in super::attribution::lines(report) {
        wrapped(out, "  ", "    ", &text);
    }
}

fn timeline(report: &Report, style: &Style, out: &mut String) {
    if report.timeline.is_empty() {
        return;
    }
    section(out, style, "EVENTS");
    for moment in report.timeline.iter().take(MOMENTS) {
        let seen = moment.evidence.first().map(|at| place(report, at)).unwrap_or_default();
        wrapped(out, &format!("  {} ", moment.time), "      ", &format!("{} · {seen}", moment.title));
    }
    if report.timeline.len() > MOMENTS {
        line(out, &format!("  and {} more: backtrail timeline lists all", report.timeline.len() - MOMENTS));
    }
}

fn sources(report: &Report, style: &Style, out: &mut String) {
    section(out, style, "SOURCES");
    for source in &report.sources {
        let envelope = source.envelope.as_ref().map(|e| format!(" in {e}")).unwrap_or_default();
        let holes = if source.gaps.is_empty() { String::new() } else { format!(", {} holes", source.gaps.len()) };
        let rejected = if source.rejected > 0 { format!(", {} NOT UNDERSTOOD", source.rejected) } else { String::new() };
        let text = format!(
            "{}: {}{envelope}, {} records, {} bytes{rejected}{holes}",
            source.path, source.format, source.records, source.bytes
        );
        wrapped(out, "  ", "    ", &text);
    }
    if !report.rejects.is_empty() {
        line(out, "  not understood (first of each source):");
        for reject in &report.rejects {
            wrapped(out, "    ", "      ", &format!("{} {}", place(report, &reject.at), reject.reason));
        }
    }
}

fn notes(report: &Report, style: &Style, out: &mut String) {
    if report.notes.is_empty() {
        return;
    }
    section(out, style, "INFERRED");
    for note in &report.notes {
        wrapped(out, "  ", "    ", note);
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nothing_that_a_terminal_obeys_passes() {
        assert_eq!(clean("a\x1b[31mb\u{202e}c\r\n"), "a\\u{1b}[31mb\\u{202e}c\\u{d}\\u{a}");
        assert_eq!(clean("plain ▲ text"), "plain ▲ text");
    }
}
