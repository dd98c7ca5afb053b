//! When service was degraded, and what that cost of the objective.

use super::{Material, escape};
use crate::report::local::{millis, span};
use crate::report::{Slo, Spell};

/// The section; empty where users saw nothing and no objective is given.
pub fn service(m: &Material<'_>) -> String {
    let spells = &m.report.incident.spells;
    let budget = m.report.impact.slo.as_ref().map(|slo| budget(m, slo)).unwrap_or_default();
    if spells.is_empty() && budget.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section id=\"service\"><h2>When service was degraded</h2>\n");
    if !spells.is_empty() {
        out.push_str(&table(m, spells));
    }
    out.push_str(&budget);
    out.push_str("</section>\n");
    out
}

fn table(m: &Material<'_>, spells: &[Spell]) -> String {
    let i = &m.report.incident;
    let basis = match i.basis {
        Some("events") => "No requests are logged: the times rest on events such as waits in vain.",
        _ => "A spell begins with a bad request, one that failed or was far slower than usual, and ends with the last one.",
    };
    let all = i.degraded_seconds.map(|s| format!("{} in all. ", span(s))).unwrap_or_default();
    let mut out = format!(
        "<p class=\"quiet\">{}{}</p>\n<div class=\"wide\"><table><caption>All times in {}</caption><thead><tr><th scope=\"col\">from</th>\
         <th scope=\"col\">to</th><th scope=\"col\">for</th><th scope=\"col\" class=\"number\">bad requests</th>\
         <th scope=\"col\" class=\"number\">of those failed</th><th scope=\"col\" class=\"number\">slow inside</th>\
         <th scope=\"col\">first and last</th></tr></thead><tbody>\n",
        escape(&all),
        escape(basis),
        escape(&m.zone.name())
    );
    for s in spells {
        let long = millis(&s.from).zip(millis(&s.to)).map(|(a, b)| span((b - a) as f64 / 1000.0)).unwrap_or_default();
        let at = m.fraction(&s.from).map(|f| format!(" data-at=\"{f:.5}\"")).unwrap_or_default();
        out.push_str(&format!(
            "<tr{at}><td class=\"time\">{}</td><td class=\"time\">{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td>{}</td></tr>\n",
            escape(&m.zone.seconds(&s.from)),
            escape(&m.zone.seconds(&s.to)),
            escape(&long),
            s.bad,
            s.failed,
            s.slow_inside,
            m.cites(&s.evidence, 2)
        ));
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// The objective, what of its budget is gone, and which alerts would have fired.
fn budget(m: &Material<'_>, slo: &Slo) -> String {
    let mut out = format!(
        "<h3>Error budget</h3>\n<p>{} of {} requests of users were bad; {:.3} % are to be good. <strong>{:.1} %</strong> of the budget of \
         thirty days are used.</p>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">alert at a burn rate of</th><th scope=\"col\">over</th>\
         <th scope=\"col\" class=\"number\">highest</th><th scope=\"col\">would have fired</th></tr></thead><tbody>\n",
        slo.bad,
        slo.valid,
        slo.target * 100.0,
        slo.budget_used * 100.0
    );
    for band in &slo.bands {
        let fired = band.fired.as_deref().map_or_else(|| "not at all".to_owned(), |t| m.zone.seconds(t));
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{} and {}</td><td class=\"number\">{}</td><td>{}</td></tr>\n",
            band.burn_rate,
            escape(&span(band.long_s)),
            escape(&span(band.short_s)),
            band.peak,
            escape(&fired)
        ));
    }
    out.push_str("</tbody></table></div>\n");
    out
}
