//! Documents of one HTML file: no network, nothing that needs a script to be read. Charts are inline SVG and plain boxes.

pub mod charts;
pub mod gantt;
pub mod leads;
pub mod page;
pub mod sections;
pub mod service;
pub mod story;

use super::Report;
use super::citations::Citations;
use super::lanes::Bar;
use super::local::{Local, millis};
use super::quotes::Quotes;
use super::text::{clean, place};

/// Text of a log inside an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// What a document is made from.
#[derive(Debug, Clone, Copy)]
pub struct Material<'m> {
    /// The report.
    pub report: &'m Report,
    /// Its sessions.
    pub bars: &'m [Bar],
    /// The lines that it cites.
    pub quotes: &'m Quotes,
    /// The zone to show times in.
    pub zone: Local,
}

impl Material<'_> {
    /// Where a time lies in the window, 0 to 1; `None` without a window.
    pub(super) fn fraction(&self, time: &str) -> Option<f64> {
        let series = &self.report.series;
        let from = series.from.as_deref().or(self.report.window.from.as_deref()).and_then(millis)?;
        let width = match series.from {
            Some(_) => series.bucket_seconds * 1000.0 * crate::correlate::series::BUCKETS as f64,
            None => (self.report.window.to.as_deref().and_then(millis)? - from) as f64,
        };
        Some(((millis(time)? - from) as f64 / width.max(1.0)).clamp(0.0, 1.0))
    }

    /// Links to the lines that prove something.
    pub(super) fn cites(&self, evidence: &[super::Ref], most: usize) -> String {
        let link = |at: &super::Ref| match self.quotes.of(at) {
            Some(q) => format!(
                "<a href=\"#{}\">{}</a>",
                super::postmortem::draft::anchor(q.source, q.line),
                escape(&place(self.report, at))
            ),
            None => escape(&place(self.report, at)),
        };
        let links: Vec<String> = evidence.iter().take(most).map(link).collect();
        if links.is_empty() { String::new() } else { format!(" <span class=\"cites\">{}</span>", links.join(", ")) }
    }
}

/// The report.
pub fn report(material: &Material<'_>) -> String {
    let mut body = sections::head(material);
    body.push_str(&charts::charts(material));
    body.push_str(&sections::answer(material));
    body.push_str(&sections::ladder(material));
    body.push_str(&service::service(material));
    body.push_str(&sections::sites(material));
    body.push_str(&gantt::gantt(material));
    body.push_str(&sections::pools(material));
    body.push_str(&sections::ledger(material));
    body.push_str(&leads::compared(material));
    body.push_str(&story::table(material));
    body.push_str(&sections::sources(material));
    body.push_str(&story::quotes(material));
    page::page("Connection report", &body, &Citations::new(material.report, material.quotes))
}

/// The timeline alone.
pub fn timeline(material: &Material<'_>) -> String {
    let mut body = sections::head(material);
    body.push_str(&charts::charts(material));
    body.push_str(&gantt::gantt(material));
    body.push_str(&story::table(material));
    body.push_str(&story::quotes(material));
    page::page("Timeline", &body, &Citations::new(material.report, material.quotes))
}

/// A postmortem: `inner` is what its template made.
pub fn postmortem(title: &str, inner: &str, citations: &Citations) -> String {
    page::page(title, &format!("<article>{inner}</article>"), citations)
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(super::escape("<a href='x'>\"&\u{202e}\0"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\\u{202e}\\u{0}");
    }
}
