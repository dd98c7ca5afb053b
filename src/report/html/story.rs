//! The timeline as a table, and the lines that the document cites.

use super::{Material, escape};
use crate::report::Ref;
use crate::report::postmortem::draft::anchor;
use crate::report::text::place;
use crate::report::timeline::{phase, rows};

/// The timeline.
pub fn table(m: &Material<'_>) -> String {
    let rows = rows(m.report);
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<section><h2>Timeline</h2>\n<div class=\"wide\"><table><caption>All times in {}</caption><thead><tr><th scope=\"col\">time</th>\
         <th scope=\"col\">where</th><th scope=\"col\">what happened</th><th scope=\"col\">evidence</th></tr></thead><tbody>\n",
        escape(&m.zone.name())
    );
    for (index, row) in rows.iter().enumerate() {
        let sign = match row.kind {
            "deploy" => "◆ ",
            "alert" => "▲ ",
            "leak" => "✗ ",
            "incident" => "● ",
            _ => "",
        };
        let label = row.phase.as_deref().map(|p| format!("<strong>{}</strong>: ", escape(&phase(p)))).unwrap_or_default();
        let bound = row.bound_ms.filter(|b| *b >= 1.0).map(|b| format!(" ± {b:.0} ms")).unwrap_or_default();
        let class = if row.phase.is_some() { "phase" } else { row.kind };
        let at = m.fraction(&row.time).map(|f| format!(" data-at=\"{f:.5}\"")).unwrap_or_default();
        out.push_str(&format!(
            "<tr id=\"t{index}\" class=\"{class}\"{at}><td class=\"time\">{}{bound}</td><td>{}</td><td>{sign}{label}{}</td><td>{}</td></tr>\n",
            escape(&m.zone.seconds(&row.time)),
            escape(row.tier),
            escape(&row.title),
            m.cites(&row.evidence, 3)
        ));
    }
    out.push_str("</tbody></table></div></section>\n");
    out
}

/// The lines.
pub fn quotes(m: &Material<'_>) -> String {
    if m.quotes.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section><h2>Lines cited</h2>\n<dl class=\"quotes\">\n");
    let mut before = String::new();
    for quote in m.quotes.iter() {
        let at = Ref { source: quote.source, line: quote.line, offset: quote.offset, length: quote.length };
        let anchor = anchor(quote.source, quote.line);
        // Two records can begin on one line; an anchor stands once.
        let id = if anchor == before { String::new() } else { format!(" id=\"{anchor}\"") };
        out.push_str(&format!("<dt{id}>{}</dt><dd><code>{}</code></dd>\n", escape(&place(m.report, &at)), escape(&quote.text)));
        before = anchor;
    }
    out.push_str("</dl></section>\n");
    out
}
