//! Where phases run: boundaries in steps, in the run or in one cycle of a phase that repeats others.

use std::cell::Cell;

use crate::{
    error::KeyFault,
    schedule::{
        Entry, EntryFault, FactorKeys, Formula, Frame,
        language::{
            cycles::{self, Cycle},
            inside, steps, without_dust,
        },
    },
    units::{Clock, Span, number_of},
};

/// Where an entry stands: its place in the list, then in the body of that one, and so on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Its place in the list of entries, or that of the entry around it.
    pub entry: usize,
    within: Vec<usize>,
}

impl Place {
    /// The place of an entry that no other contains.
    pub fn of_entry(entry: usize) -> Self {
        Self {
            entry,
            within: Vec::new(),
        }
    }

    /// The place of the `i`-th phase of its body.
    pub fn phase(&self, i: usize) -> Self {
        let within = self.within.iter().copied().chain([i]).collect();
        Self { within, ..*self }
    }

    /// The entry there.
    pub fn find<'a>(&self, entries: &'a [Entry]) -> Option<&'a Entry> {
        let outer = entries.get(self.entry)?;
        self.within
            .iter()
            .try_fold(outer, |entry, i| entry.body.get(*i))
    }

    /// A fault of the entry there.
    pub fn fault(&self, fault: KeyFault) -> EntryFault {
        let inner = self.within.iter().rev();
        EntryFault {
            entry: self.entry,
            fault: inner.fold(fault, |fault, i| inside(*i, fault)),
        }
    }

    /// Its type, behind those around it: `repeat/cosine`.
    pub fn kind(&self, entries: &[Entry]) -> String {
        let mut kinds = Vec::new();
        let mut entry = entries.get(self.entry);
        for i in self.within.iter().map(Some).chain([None]) {
            kinds.extend(entry.map(|entry| entry.kind.as_str()));
            entry = entry.zip(i).and_then(|(entry, i)| entry.body.get(*i));
        }
        kinds.join("/")
    }

    /// What a message calls it: `schedule[1]`, or `phase[0]` inside a body.
    fn name(&self) -> String {
        match self.within.last() {
            Some(i) => format!("phase[{i}]"),
            None => format!("schedule[{}]", self.entry),
        }
    }
}

/// Where one entry runs.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub place: Place,
    pub start: u64,
    pub end: u64,
    /// Length before its boundaries were rounded to steps.
    pub exact: f64,
    /// Length of its curve, where it is not that of the phase: `over`, or what a cycle that is cut short would have had.
    pub over: Option<f64>,
    /// The cycles of a phase that repeats others, and what each multiplies its start by.
    pub cycles: Vec<(f64, Vec<Slot>)>,
    clock: Clock,
}

impl Slot {
    /// What its curve needs to know.
    pub fn frame(&self) -> Frame {
        self.frame_over(self.over)
    }

    /// What the curve of one of its factors needs to know.
    pub fn factor_frame(&self, keys: &FactorKeys) -> Frame {
        self.frame_over(keys.over.and_then(|span| steps(span, &self.clock)))
    }

    /// Its curve as a function.
    pub fn formula(&self, entry: &Entry) -> Formula {
        entry.curve.formula(&self.frame())
    }

    /// Itself, then the phases of its cycles.
    pub fn collect<'a>(&'a self, out: &mut Vec<&'a Self>) {
        out.push(self);
        for (_, slots) in &self.cycles {
            slots.iter().for_each(|slot| slot.collect(out));
        }
    }

    fn frame_over(&self, over: Option<f64>) -> Frame {
        let steps = self.end - self.start;
        Frame {
            clock: self.clock,
            start: self.start,
            steps,
            length: over.unwrap_or(steps as f64),
        }
    }

    /// Ends at `end` at the latest, with the curve that it has; `None` where nothing is left.
    fn cut(mut self, end: u64) -> Option<Self> {
        if self.end > end {
            self.over = Some(self.frame().length);
            self.end = end;
        }
        (self.end > self.start).then_some(self)
    }
}

/// A stretch of steps that phases fill: the run up to its horizon, or one cycle.
pub(crate) struct Stretch<'a> {
    /// Its length is `whole`, which percentages refer to.
    clock: Clock,
    start: u64,
    /// What messages call it.
    name: &'static str,
    remedy: &'static str,
    room: &'a Room,
}

/// Phases that all cycles of a config can have together.
const MOST_PHASES: usize = 50_000;

/// Counts the phases of cycles, which nest: a cycle may have cycles of its own.
pub(crate) struct Room(Cell<usize>);

impl Room {
    pub fn new() -> Self {
        Self(Cell::new(MOST_PHASES))
    }

    /// Takes room for so many phases; none where it is used up.
    fn take(&self, phases: usize) -> Result<(), KeyFault> {
        let left = self.0.get().checked_sub(phases);
        self.0.set(left.unwrap_or(0));
        let message = || format!("the cycles have more than {MOST_PHASES} phases in all");
        match left {
            Some(_) => Ok(()),
            None => Err(KeyFault::error("cycle", message()).hint("give it a longer `cycle`")),
        }
    }
}

impl Stretch<'_> {
    /// The whole run.
    pub fn run<'a>(clock: &Clock, room: &'a Room) -> Stretch<'a> {
        Stretch {
            clock: *clock,
            start: 0,
            name: "horizon",
            remedy: "shorten a phase, or lengthen `horizon` or the run in [train]",
            room,
        }
    }

    fn cycle(&self, start: u64, length: u64) -> Self {
        Self {
            clock: Clock {
                whole: length,
                ..self.clock
            },
            start,
            name: "cycle",
            remedy: "shorten a phase, or lengthen the cycle",
            room: self.room,
        }
    }

    /// Boundaries = round(running sum), with `rest` taking what the others leave.
    pub fn slots(&self, phases: &[(&Entry, Place)], faults: &mut Vec<EntryFault>) -> Vec<Slot> {
        let whole = self.clock.whole;
        let lengths: Vec<Option<f64>> = phases
            .iter()
            .map(|(entry, _)| self.fixed_length(entry))
            .collect();
        let total: f64 = lengths.iter().flatten().sum();
        let refused = several_rests(phases, &lengths).into_iter();
        let refused: Vec<_> = refused.chain(self.too_long(phases, &lengths)).collect();
        let sound = refused.is_empty();
        faults.extend(refused);
        let rest = (whole as f64 - total).max(0.0);

        let (mut slots, mut at) = (Vec::new(), 0.0);
        let mut boundary = 0;
        for ((entry, place), length) in phases.iter().zip(&lengths) {
            let exact = length.unwrap_or(rest);
            at += exact;
            let (start, end) = (boundary, (at.round() as u64).min(whole));
            boundary = end;
            if end == start && sound && length.is_none_or(|exact| exact > 0.0) {
                faults.extend(self.no_steps(place));
            } else if end > start {
                let (start, end) = (self.start + start, self.start + end);
                let mut slot = self.slot(entry, place, start, end, exact);
                if sound {
                    slot.cycles = self.cycles(entry, &slot, faults);
                }
                slots.push(slot);
            }
        }
        if boundary < whole {
            let last = phases.last();
            faults.extend(last.map(|(_, place)| self.ends_early(place, boundary)));
        }
        slots
    }

    fn slot(&self, entry: &Entry, place: &Place, start: u64, end: u64, exact: f64) -> Slot {
        let over = entry.keys.over;
        Slot {
            place: place.clone(),
            start,
            end,
            exact: without_dust(exact),
            over: over.and_then(|span| steps(span, &self.clock)),
            cycles: Vec::new(),
            clock: self.clock,
        }
    }

    /// The cycles of a phase that repeats others.
    fn cycles(
        &self,
        entry: &Entry,
        slot: &Slot,
        faults: &mut Vec<EntryFault>,
    ) -> Vec<(f64, Vec<Slot>)> {
        let Some(repeated) = entry.curve.repeats() else {
            return Vec::new();
        };
        let updates = (slot.end - slot.start) as f64;
        let first = steps(repeated.cycle, &self.clock).unwrap_or(0.0);
        if first < 1.0 || entry.body.is_empty() {
            // The curve's own checks say so.
            return Vec::new();
        }
        let (cycles, end) = cycles::lay_out(first, repeated.stretch, repeated.count, updates);
        if let Some(fault) = cycles::too_many(&cycles) {
            add_new(faults, vec![slot.place.fault(fault)]);
            return Vec::new();
        }
        let short = cycles::warning(&cycles, end, repeated.count, updates);
        faults.extend(short.map(|fault| slot.place.fault(fault)));
        let phases = entry.body.iter().enumerate();
        let phases: Vec<_> = phases.map(|(i, e)| (e, slot.place.phase(i))).collect();
        let mut known = Vec::new();
        let mut out = Vec::with_capacity(cycles.len());
        let ends = cycles.iter().skip(1).map(|cycle| cycle.start).chain([end]);
        for (index, (Cycle { start, .. }, end)) in cycles.iter().zip(ends).enumerate() {
            let [start, length] = [start.round(), end.round() - start.round()];
            let inner = self.cycle(slot.start + start as u64, length as u64);
            if inner.start >= slot.end || inner.clock.whole == 0 {
                continue;
            }
            if let Err(fault) = self.room.take(phases.len()) {
                add_new(faults, vec![slot.place.fault(fault)]);
                return Vec::new();
            }
            let slots = inner.slots(&phases, &mut known).into_iter();
            let slots: Vec<Slot> = slots.filter_map(|s| s.cut(slot.end)).collect();
            if !slots.is_empty() {
                out.push((libm::pow(repeated.shrink, index as f64), slots));
            }
        }
        add_new(faults, known);
        out
    }

    /// An entry's length in steps; `None` where it takes the rest.
    fn fixed_length(&self, entry: &Entry) -> Option<f64> {
        match entry.keys.r#for {
            None | Some(Span::Rest) => None,
            // Wall-clock time is refused by the entry's own check.
            Some(span) => Some(steps(span, &self.clock).unwrap_or(0.0)),
        }
    }

    fn too_long(&self, phases: &[(&Entry, Place)], lengths: &[Option<f64>]) -> Option<EntryFault> {
        let whole = self.clock.whole;
        let mut sum = 0.0;
        let (place, length) = phases
            .iter()
            .zip(lengths)
            .find_map(|((_, place), length)| {
                let length = (*length)?;
                sum += length;
                (f64::round(sum) as u64 > whole).then_some((place, length))
            })?;
        let left = (whole as f64 - (sum - length)).max(0.0);
        let name = self.name;
        let message = format!(
            "the phase runs `{}`, but `{left}` of the {name}'s `{whole}` are left",
            number_of(length, "step")
        );
        Some(place.fault(KeyFault::error("for", message).hint(self.remedy)))
    }

    fn no_steps(&self, place: &Place) -> Option<EntryFault> {
        let warning = KeyFault::warning("for", "the phase gets no step, and is skipped");
        (self.clock.whole > 0).then(|| place.fault(warning))
    }

    fn ends_early(&self, place: &Place, boundary: u64) -> EntryFault {
        let what = if self.name == "cycle" {
            "body"
        } else {
            "chain"
        };
        let message = format!(
            "the {what} ends at step `{boundary}` of `{}`; its last value holds from there",
            self.clock.whole
        );
        let warning = KeyFault::warning("for", message);
        place.fault(warning.hint("leave `for` out of one phase, which then takes the rest"))
    }
}

/// Adds faults that nobody has told yet of the same key.
pub(crate) fn add_new(faults: &mut Vec<EntryFault>, found: Vec<EntryFault>) {
    /// More faults than anybody reads.
    const ENOUGH: usize = 1000;
    for fault in found {
        if faults.len() > ENOUGH {
            return;
        }
        let known = |other: &EntryFault| {
            (other.entry, &other.fault.key, other.fault.severity)
                == (fault.entry, &fault.fault.key, fault.fault.severity)
        };
        if !faults.iter().any(known) {
            faults.push(fault);
        }
    }
}

fn several_rests(phases: &[(&Entry, Place)], lengths: &[Option<f64>]) -> Option<EntryFault> {
    let open = || phases.iter().zip(lengths).filter(|(_, l)| l.is_none());
    let ((_, first), _) = open().next()?;
    let names: Vec<String> = open()
        .map(|((entry, place), _)| format!("{} ({})", place.name(), entry.kind))
        .collect();
    (names.len() > 1).then(|| first.fault(
        KeyFault::error(
            "for",
            format!(
                "{} phases of one chain have no length of their own: `{}`",
                names.len(),
                names.join("`, `")
            ),
        )
        .hint("`for` defaults to \"rest\", which one phase can take; give the others a length such as `for = \"5 epochs\"`"),
    ))
}
