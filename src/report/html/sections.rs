//! The written sections of the report.

use super::{Material, escape, leads};
use crate::report::local::{millis, span};
use crate::report::{Finding, Hypothesis, Ref, Report};

/// Findings shown of a cause; the rest is folded away.
const FINDINGS: usize = 3;

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn percent(share: Option<f64>) -> String {
    share.map(|s| format!("{:.1} %", s * 100.0)).unwrap_or_default()
}

/// The verdict, its sentence and the figures.
pub fn head(m: &Material<'_>) -> String {
    let r = m.report;
    let cause = r.verdict.cause.filter(|c| *c != "none").map(words);
    let title = cause.clone().unwrap_or_else(|| words(r.verdict.status));
    let window = r.window.from.as_deref().zip(r.window.to.as_deref());
    let window = window.map(|(a, b)| format!("{} to {}", m.zone.words(a), m.zone.words(b))).unwrap_or_default();
    let mut out = format!(
        "<header><p><span class=\"status {}\">{}</span> <span class=\"quiet\">{}</span></p><h1>{}</h1><p class=\"lead\">{}</p></header>\n",
        escape(r.verdict.status),
        escape(&words(r.verdict.status)),
        escape(&window),
        escape(&capital(&title)),
        escape(&r.verdict.summary)
    );
    let mut figures: Vec<(String, String, Vec<Ref>)> = Vec::new();
    let failures = lines_of(r, "errors");
    let i = &r.incident;
    if let Some(onset) = &i.onset {
        let end = i.recovered.as_deref().or(r.window.to.as_deref());
        let long = end.and_then(millis).zip(millis(onset)).map(|(b, a)| span((b - a) as f64 / 1000.0)).unwrap_or_default();
        let not_over = if i.recovered.is_some() { "" } else { ", not over" };
        let ends = r.incident.spells.first().into_iter().chain(r.incident.spells.last());
        let ends: Vec<Ref> = ends.flat_map(|s| s.evidence.first().into_iter().chain(s.evidence.last())).copied().collect();
        let ends = ends.first().into_iter().chain(ends.last()).copied().collect();
        figures.push((long, format!("seen by users, since {}{not_over}", m.zone.minutes(onset)), ends));
    }
    if let (Some(failed), Some(requests)) = (r.impact.failed, r.impact.requests) {
        figures.push((percent(r.impact.failed_share), format!("{failed} of {requests} requests failed"), failures.clone()));
    }
    if let (Some(hit), Some(all)) = (r.impact.clients_affected, r.impact.clients) {
        let key = r.impact.client_key.as_deref().unwrap_or("client");
        figures.push((percent(r.impact.clients_affected_share), format!("{hit} of {all} clients hit, by {key}"), failures));
    }
    if let Some(p) = &r.impact.error_peak {
        let says = format!("worst minute {}: {} of {}", m.zone.minutes(&p.at), p.failed, p.requests);
        figures.push((percent(Some(p.share)), says, p.evidence.clone()));
    }
    let leaked: u64 = r.leaks.iter().map(|l| l.sessions).sum();
    if leaked > 0 {
        let opened = r.leaks.iter().flat_map(|l| l.evidence.iter().copied()).collect();
        figures.push((leaked.to_string(), "connections never given back".into(), opened));
    }
    if !figures.is_empty() {
        out.push_str("<ul class=\"figures\">");
        for (figure, says, lines) in figures {
            out.push_str(&format!("<li><b>{}</b>{}{}</li>", escape(&figure), escape(&says), m.cites(&lines, 2)));
        }
        out.push_str("</ul>\n");
    }
    out
}

/// The lines behind the peaks of a curve.
fn lines_of(report: &Report, curve: &str) -> Vec<Ref> {
    let peaks = report.series.peaks.iter().filter(|p| p.curve == curve);
    peaks.flat_map(|p| p.evidence.iter().copied()).collect()
}

fn item(inner: &str) -> String {
    format!("<li>{inner}</li>")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What it was not, what it was, what is open, what to do.
pub fn answer(m: &Material<'_>) -> String {
    let r = m.report;
    let of = |status: &'static str| r.hypotheses.iter().filter(move |h| h.status == status && h.cause != "none");
    let mut out = String::new();
    if r.verdict.status != "nothing_abnormal" {
        let out_of: Vec<&Hypothesis> = of("ruled_out").collect();
        if !out_of.is_empty() {
            out.push_str("<section><h2>Ruled out</h2>\n<ul>");
            for h in out_of {
                out.push_str(&format!("<li><strong>{}</strong>: {}</li>\n", escape(&words(h.cause)), findings(m, &h.against)));
            }
            out.push_str("</ul></section>\n");
        }
        for h in of("confirmed").chain(of("likely")) {
            out.push_str(&format!("<section><h2>Why {}</h2>\n{}", escape(&words(h.cause)), list(m, "", &h.speaks_for)));
            if !h.against.is_empty() {
                out.push_str(&list(m, "Against it: ", &h.against));
            }
            out.push_str("</section>\n");
        }
        let open: Vec<&Hypothesis> = of("possible").chain(of("cannot_tell")).collect();
        if !open.is_empty() {
            out.push_str("<section><h2>Not decided</h2>\n<ul>");
            for h in open {
                let missing =
                    if h.missing.is_empty() { String::new() } else { format!("; would need {}", h.missing.join("; ")) };
                let says = format!("{}: {}{missing}", words(h.cause), words(h.status));
                let signs = h.speaks_for.iter().chain(&h.against).cloned().collect::<Vec<_>>();
                out.push_str(&format!("<li>{}. {}</li>\n", escape(&says), findings(m, &signs)));
            }
            out.push_str("</ul></section>\n");
        }
    }
    if !r.changes.is_empty() {
        out.push_str("<section><h2>Changes</h2>\n<ul>");
        for change in &r.changes {
            out.push_str(&format!("<li>{}{}</li>\n", escape(&change.text), m.cites(&change.evidence, 3)));
        }
        out.push_str("</ul></section>\n");
    }
    if !r.suggestions.is_empty() {
        out.push_str("<section><h2>Suggestions</h2>\n<ul>");
        for s in &r.suggestions {
            out.push_str(&format!("<li>{}{}</li>\n", escape(&s.text), m.cites(&s.because, 3)));
        }
        out.push_str("</ul></section>\n");
    }
    if !r.logging_gaps.is_empty() {
        out.push_str("<section><h2>Not logged</h2>\n<ul>");
        for gap in &r.logging_gaps {
            let setting =
                if gap.setting.is_empty() { String::new() } else { format!(" Setting: <code>{}</code>", escape(&gap.setting)) };
            out.push_str(&format!("<li>{}: {}.{setting}</li>\n", escape(&gap.missing), escape(&gap.consequence)));
        }
        out.push_str("</ul></section>\n");
    }
    out
}

fn finding(m: &Material<'_>, f: &Finding) -> String {
    format!("{}{}", escape(&f.text), m.cites(&f.evidence, 3))
}

fn findings(m: &Material<'_>, all: &[Finding]) -> String {
    let (first, rest) = all.split_at(all.len().min(1));
    let mut out: String = first.iter().map(|f| finding(m, f)).collect();
    if !rest.is_empty() {
        let more: String = rest.iter().map(|f| item(&finding(m, f))).collect();
        out.push_str(&format!("<details><summary>{} more</summary><ul>{more}</ul></details>", rest.len()));
    }
    out
}

fn list(m: &Material<'_>, before: &str, all: &[Finding]) -> String {
    let item = |f: &Finding| item(&format!("{before}{}", finding(m, f)));
    let (first, rest) = all.split_at(all.len().min(FINDINGS));
    let mut out = format!("<ul>{}</ul>", first.iter().map(item).collect::<String>());
    if !rest.is_empty() {
        out.push_str(&format!(
            "<details><summary>{} more</summary><ul>{}</ul></details>",
            rest.len(),
            rest.iter().map(item).collect::<String>()
        ));
    }
    out
}

/// Leaking call sites.
pub fn sites(m: &Material<'_>) -> String {
    if m.report.leaks.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section><h2>Leaking call sites</h2>\n");
    for leak in &m.report.leaks {
        let site = leak.call_site.as_ref();
        let file = site.and_then(|s| s.file.as_ref().map(|f| s.line.map_or_else(|| f.clone(), |line| format!("{f}:{line}"))));
        let function = site.and_then(|s| s.function.clone());
        let name = file
            .clone()
            .or_else(|| function.clone())
            .or_else(|| leak.endpoint.clone())
            .unwrap_or_else(|| "not attributed".into());
        let of = leak
            .rate
            .map(|r| format!(", {:.1} per 1000 {} ({:.1} to {:.1})", r.per_1000, r.unit, r.low, r.high))
            .unwrap_or_default();
        out.push_str(&format!("<h3>{}. <code>{}</code></h3>\n<p>", leak.rank, escape(&name)));
        if let (Some(function), Some(_)) = (&function, &file) {
            out.push_str(&format!("In <code>{}</code>. ", escape(function)));
        }
        out.push_str(&format!(
            "<strong>{} never given back</strong>{}, opened from {} to {}, held {} in all. Attributed by {}, {}.{}</p>\n",
            leak.sessions,
            escape(&of),
            escape(&m.zone.seconds(&leak.first)),
            escape(&m.zone.seconds(&leak.last)),
            escape(&span(leak.connection_seconds)),
            escape(&words(leak.attribution)),
            escape(leak.confidence),
            m.cites(&leak.evidence, 4)
        ));
        if let (Some(endpoint), Some(_)) = (&leak.endpoint, site) {
            out.push_str(&format!("<p>Serving <code>{}</code>.</p>\n", escape(endpoint)));
        }
        out.push_str(&leads::common(m, leak));
        let caller = |c: &crate::report::CallSite| {
            let file = c.file.clone().map(|f| format!(" ({f}:{})", c.line.unwrap_or(0))).unwrap_or_default();
            format!("<li><code>{}{}</code></li>", escape(c.function.as_deref().unwrap_or("?")), escape(&file))
        };
        if !leak.callers.is_empty() {
            out.push_str(&format!(
                "<details><summary>Called by</summary><ol>{}</ol></details>\n",
                leak.callers.iter().map(caller).collect::<String>()
            ));
        }
        if leak.evidence.len() > 4 {
            out.push_str(&format!(
                "<details><summary>All {} lines</summary><p>{}</p></details>\n",
                leak.evidence.len(),
                m.cites(&leak.evidence, 400)
            ));
        }
    }
    out.push_str("</section>\n");
    out
}

/// What led to the outage, step by step.
pub fn ladder(m: &Material<'_>) -> String {
    let rungs = &m.report.incident.ladder;
    if rungs.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section><h2>Step by step</h2>\n<ol>");
    for rung in rungs {
        let since = rung.offset_s.map(|s| match s {
            s if s < 0.0 => format!(", {} before users saw it", span(-s)),
            s if s > 0.0 => format!(", {} after users began to see it", span(s)),
            _ => String::new(),
        });
        let order = if rung.ordered { "" } else { " (order unknown: the clocks are not that exact)" };
        out.push_str(&format!(
            "<li><strong>{}</strong>{}: {}{order}{}</li>\n",
            escape(&m.zone.seconds(&rung.time)),
            escape(&since.unwrap_or_default()),
            escape(&rung.text),
            m.cites(&rung.evidence, 3)
        ));
    }
    out.push_str("</ol></section>\n");
    out
}

/// Pools in sentences.
pub fn pools(m: &Material<'_>) -> String {
    let said = m.report.pools.iter().filter(|p| !p.text.is_empty());
    let one = |p: &crate::report::pools::Pool| {
        let sentences: String = p.text.iter().map(|t| item(&escape(t))).collect();
        format!("<h3>{}</h3><ul>{sentences}</ul><p>{}</p>\n", escape(&p.name), m.cites(&p.evidence, 4))
    };
    let all: String = said.map(one).collect();
    if all.is_empty() { all } else { format!("<section><h2>Pools</h2>\n{all}</section>\n") }
}

/// The ledger with both sums.
pub fn ledger(m: &Material<'_>) -> String {
    let mut out = String::from(
        "<section><h2>Ledger</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">layer</th><th scope=\"col\" class=\"number\">opens</th>\
         <th scope=\"col\" class=\"number\">inferred</th><th scope=\"col\" class=\"number\">closes</th><th scope=\"col\" class=\"number\">orphans</th>\
         <th scope=\"col\" class=\"number\">open at end</th><th scope=\"col\" class=\"number\">peak</th><th scope=\"col\">what became of them</th>\
         <th scope=\"col\">balance</th></tr></thead><tbody>\n",
    );
    for layer in ["lb", "request", "pool", "proxy", "db"] {
        let used = |l: &&crate::report::Ledger| l.opens + l.closes + l.inferred_opens > 0 || !l.refused.is_empty();
        let Some(l) = m.report.ledger.get(layer).filter(used) else { continue };
        let counted = |(name, n): (&str, u64)| format!("{n} {}", words(name));
        let mut classes: Vec<String> = l.classes.iter().map(|(c, n)| counted((c, *n))).collect();
        classes.extend(l.refused.iter().map(|(reason, n)| format!("turned away: {}", counted((reason, *n)))));
        out.push_str(&format!(
            "<tr><th scope=\"row\">{layer}</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>\n",
            l.opens,
            l.inferred_opens,
            l.closes,
            l.orphan_closes,
            l.open_at_end,
            l.peak_open,
            escape(&classes.join(", ")),
            if l.balanced { "holds" } else { "BROKEN" }
        ));
    }
    out.push_str(&format!("</tbody></table></div>\n{}</section>\n", leads::judged(m)));
    out
}

/// What was read and inferred.
pub fn sources(m: &Material<'_>) -> String {
    let mut out = String::from(
        "<section><h2>Sources</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">file</th><th scope=\"col\">format</th>\
         <th scope=\"col\" class=\"number\">records</th><th scope=\"col\" class=\"number\">not understood</th><th scope=\"col\">SHA-256</th></tr></thead><tbody>\n",
    );
    for s in &m.report.sources {
        out.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td><code class=\"hash\">{}</code></td></tr>\n",
            escape(&s.path),
            escape(&s.format),
            s.records,
            s.rejected,
            escape(&s.sha256)
        ));
    }
    out.push_str("</tbody></table></div>\n");
    if !m.report.notes.is_empty() {
        let notes: String = m.report.notes.iter().map(|n| item(&escape(n))).collect();
        out.push_str(&format!("<h3>Inferred</h3><ul>{notes}</ul>\n"));
    }
    out.push_str("</section>\n");
    out
}
