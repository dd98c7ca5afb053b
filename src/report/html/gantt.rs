//! Sessions as bars: those that were never given back stand out, the longest of the others show what is usual.

use super::{Material, escape};
use crate::report::lanes::{Bar, leaked};
use crate::report::local::millis;
use crate::report::text::place;

/// Leaked sessions shown.
const LEAKED: usize = 60;
/// Others shown.
const OTHERS: usize = 15;

/// The section; empty without sessions.
pub fn gantt(m: &Material<'_>) -> String {
    let lost: Vec<&Bar> = m.bars.iter().filter(|b| leaked(b)).collect();
    let mut others: Vec<&Bar> = m.bars.iter().filter(|b| !leaked(b)).collect();
    let long = |b: &&Bar| {
        let end = b.end.as_deref().or(m.report.window.to.as_deref()).and_then(millis).unwrap_or(0);
        std::cmp::Reverse(end - millis(&b.open).unwrap_or(0))
    };
    others.sort_by_cached_key(long);
    others.truncate(OTHERS);
    if lost.is_empty() && others.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section><h2>Connections</h2>\n");
    let bars = |shown: &[&Bar]| -> String { shown.iter().map(|b| bar(m, b)).collect() };
    if !lost.is_empty() {
        let more = if lost.len() > LEAKED { format!(" The first {LEAKED} are shown.") } else { String::new() };
        out.push_str(&format!("<h3>{} never given back</h3><p class=\"quiet\">Hatched: leaked. A dotted end: still open when the logs end.{more}</p><ul class=\"bars\">", lost.len()));
        out.push_str(&bars(lost.get(..LEAKED).unwrap_or(&lost)));
        out.push_str("</ul>\n");
    }
    if !others.is_empty() {
        out.push_str(&format!(
            "<details><summary>The {} longest of the {} others</summary><ul class=\"bars\">",
            others.len(),
            m.bars.len() - lost.len()
        ));
        out.push_str(&bars(&others));
        out.push_str("</ul></details>\n");
    }
    out.push_str("</section>\n");
    out
}

fn bar(m: &Material<'_>, bar: &Bar) -> String {
    let (Some(a), b) = (m.fraction(&bar.open), bar.end.as_deref().and_then(|t| m.fraction(t)).unwrap_or(1.0)) else {
        return String::new();
    };
    let (class, what) = match &bar.end {
        None if leaked(bar) => ("leaked open", "leaked, open when the logs end"),
        Some(_) if leaked(bar) => ("leaked", "leaked, ended with its process or by force"),
        None => ("open", "open when the logs end"),
        Some(_) => ("", "closed"),
    };
    let end = bar.end.as_deref().map_or_else(|| "the end of the logs".to_owned(), |t| m.zone.seconds(t));
    let says = format!(
        "{} {} {}: {} to {end}, {what} ({}){}",
        bar.layer,
        bar.group,
        bar.key,
        m.zone.seconds(&bar.open),
        bar.class.replace('_', " "),
        if bar.why.is_empty() { String::new() } else { format!(": {}", bar.why) }
    );
    let name = format!("{} · {}", bar.key, place(m.report, &bar.at));
    format!(
        "<li class=\"{class}\" title=\"{says}\"><span class=\"name mono\">{}</span><span class=\"track\" role=\"img\" aria-label=\"{says}\">\
         <span class=\"bar\" data-a=\"{a:.5}\" data-b=\"{b:.5}\" style=\"left:{:.3}%;width:{:.3}%\"></span></span></li>\n",
        escape(&name),
        a * 100.0,
        (b - a).max(0.0) * 100.0,
        says = escape(&says)
    )
}
