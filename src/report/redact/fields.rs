//! Where the texts of a report stand.

use super::Redactor;
use crate::report::baseline::Change;
use crate::report::lanes::Bar;
use crate::report::quotes::Quotes;
use crate::report::sessions::Line;
use crate::report::{CallSite, Finding, Report};
use serde_json::Value;

impl Redactor {
    fn put(&self, text: &mut String) {
        *text = self.text(text);
    }

    fn maybe(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.put(text);
        }
    }

    fn all(&self, texts: &mut [String]) {
        texts.iter_mut().for_each(|t| self.put(t));
    }

    fn findings(&self, findings: &mut [Finding]) {
        findings.iter_mut().for_each(|f| self.put(&mut f.text));
    }

    fn site(&self, site: &mut CallSite) {
        self.maybe(&mut site.function);
        self.maybe(&mut site.file);
    }

    /// Redacts a report.
    pub fn report(&self, report: &mut Report) {
        for s in &mut report.sources {
            s.path = self.addresses(&s.path);
            s.parts = s.parts.iter().map(|p| self.addresses(p)).collect();
            self.maybe(&mut s.host);
        }
        self.put(&mut report.verdict.summary);
        if let Some(trigger) = &mut report.verdict.trigger {
            self.put(&mut trigger.title);
        }
        report.verdict.symptoms.iter_mut().for_each(|s| self.put(&mut s.text));
        for h in &mut report.hypotheses {
            self.findings(&mut h.speaks_for);
            self.findings(&mut h.against);
            self.all(&mut h.missing);
        }
        for leak in &mut report.leaks {
            leak.call_site.iter_mut().chain(&mut leak.callers).for_each(|s| self.site(s));
            self.maybe(&mut leak.endpoint);
            self.all(&mut leak.connections);
            for found in &mut leak.discriminators {
                found.features.iter_mut().chain(&mut found.same).for_each(|f| self.put(&mut f.text));
                self.put(&mut found.text);
            }
        }
        for deploy in &mut report.deploys {
            self.maybe(&mut deploy.service);
            self.maybe(&mut deploy.version);
            self.maybe(&mut deploy.commit);
        }
        for change in &mut report.changes {
            self.put(&mut change.title);
            self.put(&mut change.text);
        }
        report.alerts.iter_mut().for_each(|a| self.maybe(&mut a.name));
        report.timeline.iter_mut().for_each(|m| self.put(&mut m.title));
        for pool in &mut report.pools {
            self.put(&mut pool.name);
            self.all(&mut pool.text);
        }
        if let Some(separating) = &mut report.separating {
            self.put(&mut separating.text);
        }
        report.incident.ladder.iter_mut().for_each(|rung| self.put(&mut rung.text));
        let by_age = report.leaks.iter_mut().filter_map(|l| l.by_age.as_mut());
        for judged in report.judged.iter_mut().chain(by_age) {
            self.put(&mut judged.text);
            self.put(&mut judged.compared_with);
        }
        for message in &mut report.new_messages {
            self.put(&mut message.template);
        }
        report.suggestions.iter_mut().for_each(|s| self.put(&mut s.text));
        self.all(&mut report.notes);
        // Other fields hold words of this program, times, numbers and sums.
    }

    /// Redacts what changed against a baseline.
    pub fn changes(&self, changes: &mut [Change]) {
        for change in changes {
            self.put(&mut change.name);
        }
    }

    /// Redacts quoted lines and keys their digests.
    pub fn quotes(&self, quotes: &mut Quotes) {
        for quote in quotes.iter_mut() {
            self.put(&mut quote.text);
            quote.digest = self.digest(&quote.digest);
        }
    }

    /// Redacts bars.
    pub fn bars(&self, bars: &mut [Bar]) {
        for bar in bars {
            self.put(&mut bar.group);
            self.put(&mut bar.key);
            self.maybe(&mut bar.client);
        }
    }

    /// Redacts rows of the ledger.
    pub fn lines(&self, lines: &mut [Line]) {
        for line in lines {
            self.put(&mut line.key);
            line.source = self.addresses(&line.source);
            for text in [&mut line.client, &mut line.thread, &mut line.reason] {
                self.maybe(text);
            }
        }
    }

    /// Redacts every text of a JSON value.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.put(text),
            Value::Array(items) => items.iter_mut().for_each(|v| self.json(v)),
            Value::Object(fields) => fields.values_mut().for_each(|v| self.json(v)),
            _ => {}
        }
    }
}
