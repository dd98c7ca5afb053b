//! Which format a file has: decided on a sample, by score, with reasons that can be shown.
//!
//! Envelopes are taken off first, from the outside in. What is left is split by the envelope's service (a syslog file
//! holds many programs), and for each stream the layouts are weighed: a layout's score is the share of the sample's lines
//! it explains times its weight. Files mix layouts, so after the best one others join where they begin records on lines
//! that it does not.

use crate::envelope::Envelope;
use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::sample::Sample;
use std::collections::BTreeMap;

/// How deep envelopes may nest (syslog in Docker in Kubernetes).
const MAX_DEPTH: usize = 3;
/// How many layouts one stream may mix.
const MAX_LAYOUTS: usize = 5;
/// How many streams get a layout choice of their own; the rest share the file's.
const MAX_STREAMS: usize = 48;
/// A layout joins another only when it is at least this specific: a generic one would tear records apart.
const JOIN_WEIGHT: u8 = 40;

/// An envelope chosen for a file.
pub struct ChosenEnvelope {
    /// The registry's word.
    pub name: &'static str,
    /// What was seen.
    pub reason: String,
    /// The reader.
    pub envelope: Box<dyn Envelope>,
}

/// A layout chosen for a file or for one of its streams.
pub struct ChosenLayout {
    /// The registry's word.
    pub name: &'static str,
    /// How specific it is.
    pub weight: u8,
    /// What was seen.
    pub reason: String,
    /// Share of the stream's sampled lines that it explains, 0 to 1.
    pub share: f64,
    /// The reader.
    pub layout: Box<dyn Layout>,
}

/// How to read a file.
pub struct Format {
    /// From the outside in; empty for a bare file.
    pub envelopes: Vec<ChosenEnvelope>,
    /// Every layout of the file; streams refer to them by index.
    pub layouts: Vec<ChosenLayout>,
    /// Layouts of the file as a whole, best first.
    pub order: Vec<usize>,
    /// Layouts of streams that differ from the whole, by the envelope's service.
    pub streams: BTreeMap<Vec<u8>, Vec<usize>>,
    /// True where records of several streams interleave, so that the file must be read in one piece.
    pub sequential: bool,
    /// Share of the sampled lines that the layouts explain, 0 to 1.
    pub score: f64,
}

impl Format {
    /// The layouts to try for a line of a stream, in order.
    pub fn stream(&self, service: &[u8]) -> &[usize] {
        if self.streams.is_empty() {
            return &self.order;
        }
        self.streams.get(service).unwrap_or(&self.order)
    }

    /// The name of the best layout: what a user would call the file's format.
    pub fn name(&self) -> &'static str {
        self.order.first().and_then(|index| self.layouts.get(*index)).map_or("unknown", |layout| layout.name)
    }

    /// The envelopes' names from the outside in, joined by `+`; empty for a bare file.
    pub fn envelope_name(&self) -> String {
        self.envelopes.iter().map(|e| e.name).collect::<Vec<_>>().join("+")
    }

    /// Every reason, envelopes first, as people read them.
    pub fn reasons(&self) -> Vec<String> {
        let envelopes = self.envelopes.iter().map(|e| format!("{}: {}", e.name, e.reason));
        let layouts = self.layouts.iter().map(|l| format!("{}: {} ({:.0} % of its lines)", l.name, l.reason, l.share * 100.0));
        envelopes.chain(layouts).collect()
    }
}

/// What the user asked for instead of what the lines suggest.
#[derive(Default)]
pub struct Hints {
    /// Only this layout may be chosen (`--format-for`); `None` lets all compete.
    pub only: Option<&'static str>,
    /// Further layouts that compete with the registry's: name, weight, and the way to fit them.
    pub extra: Vec<&'static LayoutSpec>,
    /// `log_format` texts of the web servers that wrote the files (`$remote_addr - …`, `%h %l …`): each competes as it stands.
    pub log_formats: Vec<String>,
}

/// Chooses how to read a file of which `sample` is a part. Never fails: at worst the file is `plain`.
pub fn detect(sample: &Sample<'_>, hints: &Hints) -> Format {
    let arena = Arena::new();
    let mut envelopes = Vec::new();
    let mut lines: Vec<Lined<'_>> = sample.lines.iter().map(|line| Lined { line, ..Lined::default() }).collect();
    let mut partial = false;
    while envelopes.len() < MAX_DEPTH {
        let inside = Sample { lines: lines.iter().map(|l| l.line).collect() };
        let Some(chosen) = best_envelope(&inside, &arena) else { break };
        let (inner, pieces) = take_off(&*chosen.envelope, envelopes.is_empty(), &lines, &arena);
        partial |= pieces;
        lines = inner;
        envelopes.push(chosen);
    }
    let lanes = lines.windows(2).any(|pair| matches!(pair, [a, b] if a.lane != b.lane));
    let lines: Vec<(Vec<u8>, &[u8])> = lines.into_iter().map(|l| (l.service, l.line)).collect();
    let mut format =
        Format { envelopes, layouts: Vec::new(), order: Vec::new(), streams: BTreeMap::new(), sequential: false, score: 0.0 };
    let mut groups: BTreeMap<Vec<u8>, Vec<&[u8]>> = BTreeMap::new();
    for (service, line) in &lines {
        if !line.trim_ascii().is_empty() {
            groups.entry(service.clone()).or_default().push(line);
        }
    }
    let mut by_size: Vec<(Vec<u8>, Vec<&[u8]>)> = groups.into_iter().collect();
    by_size.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    let all: usize = by_size.iter().map(|(_, l)| l.len()).sum();
    let mut explained = 0.0;
    let many = by_size.len() > 1;
    for (index, (service, lines)) in by_size.into_iter().enumerate() {
        if index >= MAX_STREAMS {
            break;
        }
        let size = lines.len() as f64;
        let (order, share) = choose(&mut format, &Sample { lines }, hints, &arena);
        explained += share * size;
        if index == 0 {
            format.order.clone_from(&order);
        }
        if many {
            format.streams.insert(service, order);
        }
    }
    if many {
        add_resorts(&mut format);
    }
    format.sequential = partial || (lanes && grows(&format, &lines));
    format.score = if all == 0 { 0.0 } else { explained / all as f64 };
    format
}

/// A line of the sample, with what its envelopes said.
#[derive(Default, Clone)]
struct Lined<'a> {
    line: &'a [u8],
    service: Vec<u8>,
    /// Host, service, lane and pid in one: what keeps lines apart that interleave.
    lane: Vec<u8>,
}

/// Takes one envelope off every line, joins pieces, and says whether there were any. A line that does not wear the
/// outermost envelope is left out; one that does not wear an inner one stays.
fn take_off<'a>(envelope: &dyn Envelope, outermost: bool, lines: &[Lined<'a>], arena: &'a Arena) -> (Vec<Lined<'a>>, bool) {
    let mut out = Vec::with_capacity(lines.len());
    let mut pieces: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut any = false;
    for old in lines {
        let Some(wrapped) = envelope.unwrap(old.line, arena) else {
            out.extend((!outermost).then(|| old.clone()));
            continue;
        };
        let mut lane = old.lane.clone();
        for part in [wrapped.host, wrapped.service, wrapped.lane, &wrapped.pid.to_le_bytes()] {
            lane.push(0);
            lane.extend_from_slice(part);
        }
        let service = if wrapped.service.is_empty() { old.service.clone() } else { wrapped.service.to_vec() };
        any |= wrapped.partial;
        let mut line = wrapped.inner;
        if wrapped.partial {
            pieces.entry(lane).or_default().extend_from_slice(line);
            continue;
        }
        if let Some(mut first) = pieces.remove(&lane) {
            first.extend_from_slice(line);
            line = arena.alloc_slice_copy(&first);
        }
        out.push(Lined { line, service, lane });
    }
    (out, any)
}

/// Can a record have more than one line? Shown by the sample, or by a layout that would take a stack frame.
fn grows(format: &Format, lines: &[(Vec<u8>, &[u8])]) -> bool {
    const FRAMES: [&[u8]; 4] =
        [b"\tat shop.Cart.add(Cart.java:7)", b"    at add (/srv/cart.js:7:3)", b"Caused by: x", b"DETAIL:  x"];
    let seen = || {
        lines.iter().any(|(service, line)| {
            let mut stream = format.stream(service).iter().filter_map(|index| format.layouts.get(*index));
            stream.any(|row| row.layout.line(line) == Line::Continue)
        })
    };
    // The last resort takes any indented line; only a sample that shows one counts.
    let would = |row: &ChosenLayout| row.weight > 1 && FRAMES.iter().any(|frame| row.layout.line(frame) == Line::Continue);
    format.layouts.iter().any(would) || seen()
}

/// Lines of streams that the sample did not show are read as whatever the file's other streams are, and as plain text.
fn add_resorts(format: &mut Format) {
    let mut order = format.order.clone();
    let mut others: Vec<usize> = (0..format.layouts.len()).filter(|i| !order.contains(i)).collect();
    others.sort_by_key(|i| std::cmp::Reverse(format.layouts.get(*i).map_or(0, |l| l.weight)));
    order.extend(others);
    format.order = order;
}

fn best_envelope(sample: &Sample<'_>, arena: &Arena) -> Option<ChosenEnvelope> {
    let mut best: Option<(f64, ChosenEnvelope)> = None;
    for spec in crate::envelopes::ENVELOPES {
        let Some(inferred) = (spec.infer)(sample) else { continue };
        // Where the transport keeps line ends, an indented line goes on the one above.
        let kept = inferred.envelope.keeps_line_ends();
        let fits = |line: &[u8]| {
            (kept && matches!(line.first(), Some(b' ' | b'\t'))) || inferred.envelope.unwrap(line, arena).is_some()
        };
        let share = sample.share(fits);
        let score = share * f64::from(spec.weight);
        if share >= 0.5 && best.as_ref().is_none_or(|(old, _)| score > *old) {
            best = Some((score, ChosenEnvelope { name: spec.name, reason: inferred.reason, envelope: inferred.envelope }));
        }
    }
    best.map(|(_, chosen)| chosen)
}

/// What a candidate makes of each line of a stream.
struct Offer {
    spec: &'static LayoutSpec,
    inferred: Inferred,
    /// Per line: begins a record that can be read.
    starts: Vec<bool>,
    /// Lines explained, beginnings and continuations.
    explained: f64,
}

fn offers(sample: &Sample<'_>, hints: &Hints) -> Vec<Offer> {
    let registered = crate::layouts::LAYOUTS.iter().chain(&hints.extra).copied();
    let allowed = registered.filter(|spec| hints.only.is_none_or(|only| only == spec.name));
    // What was given comes first: of equals the first is taken.
    let given = hints.log_formats.iter().filter_map(|text| crate::layouts::given(text));
    let given = given.filter(|(spec, _)| hints.only.is_none_or(|only| only == spec.name));
    let inferred = allowed.filter_map(|spec| Some((spec, (spec.infer)(sample)?)));
    given
        .chain(inferred)
        .filter_map(|(spec, inferred)| {
            let (starts, explained) = weigh(&*inferred.layout, sample);
            (explained > 0.0).then_some(Offer { spec, inferred, starts, explained })
        })
        .collect()
}

/// Reads the sample with one layout: which lines begin readable records, and how many lines that explains.
fn weigh(layout: &dyn Layout, sample: &Sample<'_>) -> (Vec<bool>, f64) {
    let mut starts = vec![false; sample.lines.len()];
    let mut explained = 0.0;
    let mut skipped = 0;
    let mut at = 0;
    while let Some(line) = sample.lines.get(at) {
        if layout.line(line) != Line::Start {
            skipped += usize::from(layout.skips(line));
            at += 1;
            continue;
        }
        let belongs = |(above, line): (&&[u8], &&[u8])| match layout.line(line) {
            Line::Continue => true,
            Line::Start => layout.joins(above, line),
            Line::Foreign => false,
        };
        let pairs = sample.lines.iter().skip(at).zip(sample.lines.iter().skip(at + 1));
        let more = pairs.take_while(|pair| belongs(*pair)).count();
        let record = sample.lines.get(at..=at + more).unwrap_or_default().join(&b'\n');
        let arena = Arena::new();
        if layout.parse(&record, &arena, &mut Event::default()).is_ok() {
            if let Some(slot) = starts.get_mut(at) {
                *slot = true;
            }
            explained += 1.0 + 0.8 * more as f64;
        }
        at += 1 + more;
    }
    if explained > 0.0 {
        explained += 0.8 * skipped as f64;
    }
    (starts, explained)
}

/// Chooses the layouts of one stream; adds them to the format and gives their indexes, best first, and the share of
/// lines that they explain.
fn choose(format: &mut Format, sample: &Sample<'_>, hints: &Hints, _arena: &Arena) -> (Vec<usize>, f64) {
    let total = sample.lines.len().max(1) as f64;
    let mut offers = offers(sample, hints);
    let mut order = Vec::new();
    let mut started = vec![false; sample.lines.len()];
    let mut share = 0.0f64;
    while order.len() < MAX_LAYOUTS && !offers.is_empty() {
        let first = order.is_empty();
        let gain = |offer: &Offer| {
            let fresh = offer.starts.iter().zip(&started).filter(|(new, old)| **new && !**old).count() as f64;
            if first { offer.explained } else { fresh }
        };
        let eligible = |offer: &&(usize, f64)| offer.1 > 0.0;
        let scored: Vec<(usize, f64)> = offers
            .iter()
            .enumerate()
            .filter(|(_, o)| first || (o.spec.weight >= JOIN_WEIGHT && gain(o) >= (total * 0.002).max(1.0)))
            .map(|(index, o)| (index, gain(o) * f64::from(o.spec.weight)))
            .collect();
        let Some((best, _)) = scored.iter().filter(eligible).copied().reduce(|a, b| if b.1 > a.1 { b } else { a }) else {
            break;
        };
        let offer = offers.remove(best);
        let gained = gain(&offer) / total;
        share = (share + gained).min(1.0);
        for (old, new) in started.iter_mut().zip(&offer.starts) {
            *old |= *new;
        }
        order.push(place(format, offer, gained.min(1.0)));
    }
    let resort = order.iter().any(|i| format.layouts.get(*i).is_some_and(|l| l.weight == 1));
    if !resort && hints.only.is_none() && (share < 0.5 || !format.envelopes.is_empty()) {
        let plain = offers.into_iter().find(|o| o.spec.weight == 1);
        order.extend(plain.map(|offer| place(format, offer, 0.0)));
    }
    (order, share)
}

/// Adds a layout to the format, or finds the same one there: streams share readers that were fitted the same way.
fn place(format: &mut Format, offer: Offer, share: f64) -> usize {
    let same = |l: &ChosenLayout| l.name == offer.spec.name && l.reason == offer.inferred.reason;
    if let Some(index) = format.layouts.iter().position(same) {
        return index;
    }
    format.layouts.push(ChosenLayout {
        name: offer.spec.name,
        weight: offer.spec.weight,
        reason: offer.inferred.reason,
        share,
        layout: offer.inferred.layout,
    });
    format.layouts.len() - 1
}
