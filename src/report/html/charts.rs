//! Curves over the window as small plots below each other, with a strip of markers. All share one axis; a script may zoom
//! them together.

use super::{Material, escape};
use crate::correlate::series::BUCKETS;
use crate::report::local::millis;
use crate::report::timeline::rows;

/// One plot.
struct Plot<'c> {
    title: &'c str,
    says: String,
    first: &'c [u32],
    second: Option<&'c [u32]>,
}

/// All plots of a report; empty where nothing can be drawn.
pub fn charts(m: &Material<'_>) -> String {
    let series = &m.report.series;
    let Some(from) = series.from.as_deref().and_then(millis) else { return String::new() };
    let top = |curve: &[u32]| curve.iter().copied().max().unwrap_or(0);
    let all = |curve: &[u32]| curve.iter().map(|v| u64::from(*v)).sum::<u64>();
    let mut plots: Vec<Plot<'_>> = Vec::new();
    for (layer, title) in
        [("pool", "Connections borrowed from pools"), ("proxy", "Open at the proxy"), ("db", "Open at the database")]
    {
        if let Some(curve) = series.open.get(layer) {
            plots.push(Plot { title, says: format!("at most {}", top(curve)), first: curve, second: None });
        }
    }
    plots.push(Plot {
        title: "Leaked and not yet ended",
        says: format!("at most {}", top(&series.leaked)),
        first: &[],
        second: Some(&series.leaked),
    });
    plots.push(Plot {
        title: "Borrowers waiting",
        says: format!("at most {}", top(&series.waiting)),
        first: &series.waiting,
        second: None,
    });
    plots.push(Plot {
        title: "Waited in vain or turned away",
        says: format!("{} in all", all(&series.timeouts)),
        first: &[],
        second: Some(&series.timeouts),
    });
    let failed = format!("{} in all; dashed: {} that ended in a 5xx", all(&series.requests), all(&series.errors));
    plots.push(Plot { title: "Requests", says: failed, first: &series.requests, second: Some(&series.errors) });
    plots.retain(|p| !p.first.is_empty() || p.second.is_some_and(|s| !s.is_empty()));
    if plots.is_empty() {
        return String::new();
    }
    let step = (series.bucket_seconds * 1000.0).round();
    let offset = offset_minutes(m);
    let mut out = format!(
        "<section class=\"charts\" data-buckets=\"{BUCKETS}\" data-from=\"{from}\" data-step=\"{step}\" data-offset=\"{offset}\" \
         tabindex=\"0\" aria-label=\"Curves over the window\">\n<h2>What the logs show over time</h2>\n\
         <p class=\"zoom\"><button type=\"button\" data-key=\"+\">zoom in</button><button type=\"button\" data-key=\"-\">zoom out</button>\
         <button type=\"button\" data-key=\"ArrowLeft\">earlier</button><button type=\"button\" data-key=\"ArrowRight\">later</button>\
         <button type=\"button\" data-key=\"0\">all</button> <span>Drag over a curve to zoom; the timeline below follows. \
         Shown: <span class=\"range\" aria-live=\"polite\">the whole window</span></span></p>\n"
    );
    let frame = frame(m);
    out.push_str(&markers(m));
    for plot in &plots {
        out.push_str(&draw(plot, &frame));
    }
    out.push_str(&axis(m, from, step));
    out.push_str(
        "<p class=\"legend\">◆ deploy · ▲ alert · ↻ start, stop or crash · shaded: users see it · dotted line: the cause begins. \
         A value is the most, or the sum, of its bucket.</p>\n</section>\n",
    );
    out
}

/// Minutes between UTC and the zone shown, at the window's beginning.
fn offset_minutes(m: &Material<'_>) -> i32 {
    let shown = m.report.series.from.as_deref().map(|t| m.zone.rfc3339(t)).unwrap_or_default();
    let time = chrono::DateTime::parse_from_rfc3339(&shown);
    time.map_or(0, |t| t.offset().local_minus_utc() / 60)
}

/// What lies behind every curve: the incident and the beginning of its cause.
fn frame(m: &Material<'_>) -> String {
    let i = &m.report.incident;
    let x = |time: &Option<String>| time.as_deref().and_then(|t| m.fraction(t)).map(|f| f * BUCKETS as f64);
    let mut out = String::new();
    if let Some(from) = x(&i.onset) {
        let to = x(&i.recovered).unwrap_or(BUCKETS as f64);
        out.push_str(&format!(
            "<rect class=\"band\" x=\"{from:.2}\" y=\"0\" width=\"{:.2}\" height=\"100\"/>",
            (to - from).max(0.3)
        ));
    }
    if let Some(at) = x(&i.cause_start) {
        out.push_str(&format!("<line class=\"edge\" x1=\"{at:.2}\" y1=\"0\" x2=\"{at:.2}\" y2=\"100\"/>"));
    }
    out
}

fn draw(plot: &Plot<'_>, frame: &str) -> String {
    let top = plot.first.iter().chain(plot.second.unwrap_or_default()).copied().max().unwrap_or(0).max(1);
    let mut shapes = String::new();
    for (curve, line, area) in [(plot.first, "curve", "area"), (plot.second.unwrap_or_default(), "second", "second-area")] {
        if curve.is_empty() {
            continue;
        }
        let path = path(curve, top);
        shapes.push_str(&format!(
            "<path class=\"{area}\" d=\"M0 100{path}V100Z\"/><path class=\"{line}\" d=\"M0 {}{path}\"/>",
            height(curve.first().copied().unwrap_or(0), top)
        ));
    }
    let label = format!("{}: {}", plot.title, plot.says);
    format!(
        "<figure><figcaption>{} <small>{}</small></figcaption>\
         <svg class=\"plot\" viewBox=\"0 0 {BUCKETS} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <title>{}</title>{frame}{shapes}</svg></figure>\n",
        escape(plot.title),
        escape(&plot.says),
        escape(&label),
        escape(&label)
    )
}

fn height(value: u32, top: u32) -> String {
    format!("{:.1}", 98.0 - 94.0 * f64::from(value) / f64::from(top))
}

/// Steps: a value holds over its bucket. Equal neighbours are one piece.
fn path(curve: &[u32], top: u32) -> String {
    let mut out = String::new();
    let mut before = None;
    for (bucket, value) in curve.iter().enumerate() {
        if before != Some(*value) {
            if before.is_some() {
                out.push_str(&format!("H{bucket}"));
            }
            out.push_str(&format!("V{}", height(*value, top)));
            before = Some(*value);
        }
    }
    out.push_str(&format!("H{}", curve.len()));
    out
}

/// Deploys, alerts and restarts, each a link to its row of the timeline.
fn markers(m: &Material<'_>) -> String {
    let mut out = String::from("<div class=\"strip\">");
    let mut last = [-1.0f64; 3];
    for (index, row) in rows(m.report).iter().enumerate() {
        let restart = matches!(row.tier, "app" | "db" | "proxy" | "lb") && row.kind == "event";
        let (sign, class, lane) = match row.kind {
            "deploy" => ('◆', "deploy", 0usize),
            "alert" => ('▲', "alert", 1),
            _ if restart => ('↻', "restart", 2),
            _ => continue,
        };
        // A list of deploys may reach back for months: what lies before the curves has no place on them.
        let outside = m.report.series.from.as_ref().is_some_and(|from| row.time < *from);
        let Some(x) = m.fraction(&row.time).filter(|_| !outside) else { continue };
        // Signs of one kind that would lie on one another are drawn once; the timeline has all.
        let Some(before) = last.get_mut(lane).filter(|before| x - **before > 0.008) else { continue };
        *before = x;
        let title = escape(&format!("{} {}", m.zone.seconds(&row.time), row.title));
        out.push_str(&format!(
            "<a class=\"{class}\" href=\"#t{index}\" title=\"{title}\" aria-label=\"{title}\" data-a=\"{x:.5}\" data-b=\"{x:.5}\" style=\"left:{:.3}%\">{sign}</a>",
            x * 100.0
        ));
    }
    out.push_str("</div>\n");
    out
}

fn axis(m: &Material<'_>, from: i64, step: f64) -> String {
    let whole = step * BUCKETS as f64;
    let long = whole > 172_800_000.0;
    let label = |part: u32| {
        let since = std::time::Duration::try_from_secs_f64(whole * f64::from(part) / 4.0 / 1000.0).unwrap_or_default();
        let at = chrono::DateTime::from_timestamp_millis(from.saturating_add(i64::try_from(since.as_millis()).unwrap_or(0)));
        let shown = m.zone.seconds(&at.map(|t| t.to_rfc3339()).unwrap_or_default());
        let cut = if long || part == 0 { shown.get(5..16) } else { shown.get(11..19) };
        format!("<span>{}</span>", escape(cut.unwrap_or("")))
    };
    let labels: String = (0..=4).map(label).collect();
    format!("<div class=\"axis\" title=\"times in {}\">{labels}</div>\n", escape(&m.zone.name()))
}
