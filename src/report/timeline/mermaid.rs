//! The timeline as Mermaid: a gantt chart and a timeline diagram. Their text knows no escape for its own separators, so
//! those are replaced.

use super::{Row, chosen, phase, rows};
use crate::report::Report;
use crate::report::local::{Local, millis};
use crate::report::text::clean;

/// Rows at the most: viewers refuse diagrams beyond 50,000 characters, and nobody reads more.
const ROWS: usize = 60;
/// Characters of a text at the most.
const TEXT: usize = 70;
/// Leaking sites drawn as bars.
const SITES: usize = 12;

/// Text without what Mermaid would take for syntax: separators (`:` `;` `,`), comments and directives (`%` `#`), markup and
/// quotes, line ends.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars().take(TEXT) {
        match c {
            ':' => out.push('꞉'),
            ';' | ',' => out.push('·'),
            '#' => out.push('♯'),
            '%' => out.push('٪'),
            '<' | '{' | '[' => out.push('('),
            '>' | '}' | ']' => out.push(')'),
            '"' | '`' => out.push('\''),
            '&' => out.push('+'),
            '\\' | '|' => out.push('/'),
            '$' => out.push('S'),
            c => out.push(c),
        }
    }
    if text.chars().count() > TEXT {
        out.push('…');
    }
    let out = out.trim().to_owned();
    // A word of the grammar at the beginning of a line would be taken for it.
    let word = out.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
    let reserved = ["section", "title", "gantt", "timeline", "dateformat", "axisformat", "end", "click", "todaymarker"];
    if out.is_empty() {
        "-".into()
    } else if reserved.contains(&word.as_str()) || word.starts_with("acc") || word.starts_with("---") {
        format!("· {out}")
    } else {
        out
    }
}

fn left_out(all: &[Row], shown: usize) -> String {
    match all.len().saturating_sub(shown) {
        0 => String::new(),
        n => format!("%% {n} further rows are left out; --format csv has all\n"),
    }
}

/// A gantt chart: the incident, the leaking sites as bars, everything else as milestones in the section of its tier.
pub fn gantt(report: &Report) -> String {
    let all = rows(report);
    let shown = chosen(&all, ROWS);
    let mut out = String::from(
        "gantt\n    title Connections and what happened to them\n    dateFormat x\n    axisFormat %m-%d %H:%M\n    todayMarker off\n",
    );
    out.push_str(&left_out(&all, shown.len()));
    let mut id = 0u32;
    let mut bar = |out: &mut String, text: &str, tags: &str, from: i64, to: i64| {
        id += 1;
        let end = if to > from { to.to_string() } else { "0d".to_owned() };
        out.push_str(&format!("    {} :{tags} t{id}, {from}, {end}\n", escape(text)));
    };
    let i = &report.incident;
    let at = |time: &Option<String>| time.as_deref().and_then(millis);
    if let Some(from) = at(&i.onset).or(at(&i.cause_start)) {
        out.push_str("    section Incident\n");
        let to = at(&i.recovered).or(at(&report.window.to)).unwrap_or(from);
        if let Some(cause) = at(&i.cause_start).filter(|c| *c < from) {
            bar(&mut out, "cause at work unseen", "", cause, from);
        }
        bar(&mut out, "users see it", "crit,", from, to);
    }
    if !report.leaks.is_empty() {
        out.push_str("    section Leaking sites\n");
        for leak in report.leaks.iter().take(SITES) {
            if let (Some(from), Some(to)) = (millis(&leak.first), millis(&leak.last)) {
                bar(&mut out, &format!("{} leaked at {}", leak.sessions, site(leak)), "active,", from, to);
            }
        }
    }
    for tier in ["ops", "lb", "app", "proxy", "db", "other"] {
        let of: Vec<&&Row> = shown.iter().filter(|r| r.tier == tier).collect();
        if of.is_empty() {
            continue;
        }
        out.push_str(&format!("    section {tier}\n"));
        for row in of {
            if let Some(time) = millis(&row.time) {
                let tags = if row.phase.is_some() || row.kind == "alert" { "crit, milestone," } else { "milestone," };
                bar(&mut out, &text(row), tags, time, time);
            }
        }
    }
    out
}

fn site(leak: &crate::report::Leak) -> String {
    let site = leak.call_site.as_ref();
    let place = site.and_then(|s| s.file.as_ref().map(|f| s.line.map_or_else(|| f.clone(), |l| format!("{f}:{l}"))));
    place
        .or_else(|| site.and_then(|s| s.function.clone()))
        .or_else(|| leak.endpoint.clone())
        .unwrap_or_else(|| "an unknown place".into())
}

fn text(row: &Row) -> String {
    row.phase.as_deref().map(|p| format!("{}. ", phase(p))).unwrap_or_default() + &row.title
}

/// A timeline diagram: a period a minute, a section a day.
pub fn timeline(report: &Report, zone: &Local) -> String {
    let all = rows(report);
    let shown = chosen(&all, ROWS);
    let mut out = format!("timeline\n    title What happened ({})\n", escape(&zone.name()));
    out.push_str(&left_out(&all, shown.len()));
    let (mut day, mut minute) = (String::new(), String::new());
    for row in shown {
        let time = zone.minutes(&row.time);
        let (date, clock) = time.split_once(' ').unwrap_or(("", &time));
        if date != day {
            out.push_str(&format!("    section {date}\n"));
            date.clone_into(&mut day);
            minute.clear();
        }
        // The colon parts a period from its events, so the time of day is written without one.
        let period = clock.replace(':', "h");
        if period == minute {
            out.push_str(&format!("          : {}\n", escape(&text(row))));
        } else {
            out.push_str(&format!("    {period} : {}\n", escape(&text(row))));
        }
        minute = period;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_is_left_that_mermaid_would_take_for_syntax() {
        let nasty = "12:30; drop #1, <b>\"x\"</b> %% {a} [b] | c & \u{1b}[31m\nsection evil";
        let escaped = escape(nasty);
        for sign in [':', ';', ',', '#', '%', '<', '>', '{', '}', '[', ']', '"', '`', '|', '&', '\n', '\u{1b}', '\\'] {
            assert!(!escaped.contains(sign), "{sign:?} in {escaped}");
        }
        assert_eq!(escape("section of code"), "· section of code");
        assert_eq!(escape("\u{202e}"), "/u(202e)");
        assert_eq!(escape("  "), "-");
    }
}
