//! Curves over the window as small plots below each other, with a strip of markers. All share one axis; a script may zoom
//! them together.

use super::{Material, escape};
use crate::correlate::series::BUCKETS;
use crate::report::lanes::leaked;
use crate::report::local::millis;
use crate::report::timeline::rows;
use crate::report::{Ref, Series};

/// Stands for the lines that opened what leaked.
const LEAKED: &str = "leaked";
/// Of those, shown at the most.
const OPENED: usize = 24;

/// A curve: a value a bucket, `None` where there is nothing to show.
type Curve = Vec<Option<u32>>;

/// One plot.
#[derive(Default)]
struct Plot {
    title: &'static str,
    says: String,
    first: Curve,
    second: Curve,
    /// True where heights are logarithms.
    logarithmic: bool,
    /// The curve of the report's peaks whose lines stand behind it.
    peaks: &'static str,
}

fn known(curve: &[u32]) -> Curve {
    curve.iter().copied().map(Some).collect()
}

/// All plots of a report; empty where nothing can be drawn.
pub fn charts(m: &Material<'_>) -> String {
    let series = &m.report.series;
    let Some(from) = series.from.as_deref().and_then(millis) else { return String::new() };
    let top = |curve: &[u32]| curve.iter().copied().max().unwrap_or(0);
    let all = |curve: &[u32]| curve.iter().map(|v| u64::from(*v)).sum::<u64>();
    let mut plots: Vec<Plot> = Vec::new();
    for (layer, title, peaks) in [
        ("pool", "Connections borrowed from pools", "open.pool"),
        ("proxy", "Open at the proxy", "open.proxy"),
        ("db", "Open at the database", "open.db"),
    ] {
        if let Some(curve) = series.open.get(layer) {
            plots.push(Plot { title, says: format!("at most {}", top(curve)), first: known(curve), peaks, ..Plot::default() });
        }
    }
    plots.push(Plot {
        title: "Leaked and not yet ended",
        says: format!("at most {}", top(&series.leaked)),
        second: known(&series.leaked),
        peaks: LEAKED,
        ..Plot::default()
    });
    plots.push(Plot {
        title: "Borrowers waiting",
        says: format!("at most {}", top(&series.waiting)),
        first: known(&series.waiting),
        peaks: "waiting",
        ..Plot::default()
    });
    plots.push(Plot {
        title: "Waited in vain or turned away",
        says: format!("{} in all", all(&series.timeouts)),
        second: known(&series.timeouts),
        peaks: "timeouts",
        ..Plot::default()
    });
    let failed = format!("{} in all; dashed: {} that ended in a 5xx", all(&series.requests), all(&series.errors));
    plots.push(Plot {
        title: "Requests",
        says: failed,
        first: known(&series.requests),
        second: known(&series.errors),
        peaks: "errors",
        ..Plot::default()
    });
    plots.push(latency(series));
    plots.retain(|p| !p.first.is_empty() || !p.second.is_empty());
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
        out.push_str(&draw(m, plot, &frame));
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

/// How long requests took: half of them, and 95 % of them, no longer than this.
fn latency(series: &Series) -> Plot {
    let micros = |curve: &[Option<f64>]| -> Curve {
        let whole = |seconds: f64| u32::try_from(std::time::Duration::try_from_secs_f64(seconds).ok()?.as_micros()).ok();
        curve.iter().map(|value| value.map(|s| whole(s).unwrap_or(u32::MAX))).collect()
    };
    let of = |curve: &[Option<f64>], pick: fn(f64, f64) -> f64| curve.iter().flatten().copied().reduce(pick).unwrap_or(0.0);
    let (median, p95) = (&series.latency_p50, &series.latency_p95);
    Plot {
        title: "How long requests took",
        says: format!(
            "half of them at most {} to {}; dashed: 95 % of them at most {} to {}; logarithmic",
            duration(of(median, f64::min)),
            duration(of(median, f64::max)),
            duration(of(p95, f64::min)),
            duration(of(p95, f64::max))
        ),
        first: micros(median),
        second: micros(p95),
        logarithmic: true,
        peaks: "latency",
    }
}

/// Seconds as people read them: `4 ms`, `1.5 s`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.1} ms", s * 1000.0),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 10.0 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

fn draw(m: &Material<'_>, plot: &Plot, frame: &str) -> String {
    let values = || plot.first.iter().chain(&plot.second).flatten().copied();
    let scale = Scale {
        top: values().max().unwrap_or(0).max(1),
        // A logarithm needs an end; below it there is nothing to see.
        low: plot.logarithmic.then(|| values().filter(|v| *v > 0).min().unwrap_or(1)),
    };
    let mut shapes = String::new();
    for (curve, line, area) in [(&plot.first, "curve", "area"), (&plot.second, "second", "second-area")] {
        for (start, values) in runs(curve) {
            let path = path(start, &values, &scale);
            let first = scale.height(values.first().copied().unwrap_or(0));
            shapes.push_str(&format!(
                "<path class=\"{area}\" d=\"M{start} 100{path}V100Z\"/><path class=\"{line}\" d=\"M{start} {first}{path}\"/>"
            ));
        }
    }
    let label = format!("{}: {}", plot.title, plot.says);
    format!(
        "<figure><figcaption>{} <small>{}</small></figcaption>\
         <svg class=\"plot\" viewBox=\"0 0 {BUCKETS} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <title>{}</title>{frame}{shapes}</svg>{}</figure>\n",
        escape(plot.title),
        escape(&plot.says),
        escape(&label),
        escape(&label),
        lines(m, plot.peaks)
    )
}

/// The lines behind a curve's highest values, folded away; those outside of what is zoomed to are hidden by the script.
fn lines(m: &Material<'_>, curve: &str) -> String {
    let item = |time: &str, says: &str, evidence: &[Ref]| {
        let at = m.fraction(time).map(|f| format!(" data-at=\"{f:.5}\"")).unwrap_or_default();
        format!("<li{at}>{} {}{}</li>", escape(&m.zone.seconds(time)), escape(says), m.cites(evidence, 2))
    };
    let mut items: Vec<String> = Vec::new();
    if curve == LEAKED {
        let lost = m.bars.iter().filter(|b| leaked(b)).take(OPENED);
        items.extend(lost.map(|b| item(&b.open, &format!("{} opened", b.key), &[b.at])));
    } else {
        let value = |v: f64| if curve == "latency" { duration(v) } else { format!("{v}") };
        let peaks = m.report.series.peaks.iter().filter(|p| p.curve == curve);
        items.extend(peaks.map(|p| item(&p.time, &value(p.value), &p.evidence)));
    }
    if items.is_empty() {
        return String::new();
    }
    let what = if curve == LEAKED { "The first lines behind it" } else { "The lines behind its highest values" };
    format!("<details class=\"lines\"><summary>{what}</summary><ul>{}</ul></details>", items.concat())
}

/// From values to heights: 0 is the bottom, the largest value the top.
struct Scale {
    top: u32,
    /// The value at the bottom of a logarithmic scale.
    low: Option<u32>,
}

impl Scale {
    fn height(&self, value: u32) -> String {
        let share = match self.low {
            None => f64::from(value) / f64::from(self.top),
            Some(low) => {
                let of = |v: u32| f64::from(v.max(low)).ln();
                (of(value) - of(low)) / (of(self.top) - of(low)).max(f64::MIN_POSITIVE)
            }
        };
        format!("{:.1}", 98.0 - 94.0 * share)
    }
}

/// The stretches of a curve without a hole.
fn runs(curve: &[Option<u32>]) -> Vec<(usize, Vec<u32>)> {
    let mut out: Vec<(usize, Vec<u32>)> = Vec::new();
    let mut before = None;
    for (bucket, value) in curve.iter().enumerate() {
        match (value, before, out.last_mut()) {
            (Some(value), Some(_), Some((_, run))) => run.push(*value),
            (Some(value), ..) => out.push((bucket, vec![*value])),
            (None, ..) => {}
        }
        before = *value;
    }
    out
}

/// Steps: a value holds over its bucket. Equal neighbours are one piece.
fn path(start: usize, values: &[u32], scale: &Scale) -> String {
    let mut out = String::new();
    let mut before = None;
    for (bucket, value) in (start..).zip(values) {
        if before != Some(*value) {
            if before.is_some() {
                out.push_str(&format!("H{bucket}"));
            }
            out.push_str(&format!("V{}", scale.height(*value)));
            before = Some(*value);
        }
    }
    out.push_str(&format!("H{}", start + values.len()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_part_a_curve() {
        let curve = [None, Some(1), Some(1), None, None, Some(3)];
        assert_eq!(runs(&curve), [(1, vec![1, 1]), (5, vec![3])]);
        let scale = Scale { top: 3, low: None };
        assert_eq!(path(5, &[3], &scale), "V4.0H6");
        assert_eq!(path(1, &[1, 1], &scale), "V66.7H3");
    }

    #[test]
    fn logarithms_show_small_values_beside_large_ones() {
        let scale = Scale { top: 10_000, low: Some(1) };
        assert_eq!([0, 1, 100, 10_000].map(|v| scale.height(v)), ["98.0", "98.0", "51.0", "4.0"]);
        assert_eq!(Scale { top: 5, low: Some(5) }.height(5), "98.0");
    }
}
